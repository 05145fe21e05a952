/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/task-group.h"

#include "agentd/run-fields.h"
#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>

bool task_group_is_terminal(const struct task_group *group)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		if (!task_state_is_terminal(group->tasks.items[i].state))
			return false;
	}
	return true;
}

struct task *task_group_find(const struct task_group *group, const char *task_id)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		if (str_eq(group->tasks.items[i].spec.id, task_id))
			return &group->tasks.items[i];
	}
	return NULL;
}

int task_group_new(struct task_specs *specs, struct run_options *run, const char *boot_id,
	struct task_group **ret)
{
	cleanup_task_group struct task_group *group = calloc(1, sizeof(*group));

	if (!group)
		return -ENOMEM;
	group->is_group = run != NULL;
	group->created = timestamp_now();
	group->tasks.items = calloc(specs->count, sizeof(*group->tasks.items));
	if (!group->tasks.items || str_set(&group->boot_id, boot_id) < 0 ||
		str_set(&group->id, specs->items[0].id) < 0)
		return -ENOMEM;
	group->tasks.count = specs->count;
	for (size_t i = 0; i < specs->count; i++) {
		struct task *task = &group->tasks.items[i];

		task->spec = specs->items[i];
		task->group = group;
	}
	free(specs->items);
	*specs = (struct task_specs){ 0 };
	for (size_t i = 0; i < group->tasks.count; i++)
		group->tasks.items[i].state = TASK_STAGING;
	if (run) {
		group->run = *run;
		*run = (struct run_options){ 0 };
	}
	*ret = take_ptr(group);
	return 0;
}

/* ---- the record ---- */

#define STATUS_AT(member) offsetof(struct task_status, member)

static const struct json_field status_fields[] = {
	{ "uuid", json_string, STATUS_AT(uuid), true },
	{ "state", json_name, STATUS_AT(state), true, task_state_names,
		json_name_encode },
	{ "attempt", json_u32, STATUS_AT(attempt) },
	{ "time", json_i64, STATUS_AT(time) },
	{ "reason", json_string, STATUS_AT(reason) },
	{ "message", json_string, STATUS_AT(message) },
	{ "container", json_string, STATUS_AT(container) },
	{ "has_exit", json_bool, STATUS_AT(has_exit) },
	{ "exit_status", json_i32, STATUS_AT(exit_status) },
	{ "is_acknowledged", json_bool, STATUS_AT(is_acknowledged) },
	{ "version", json_u64, STATUS_AT(version) },
	{ 0 },
};
static const struct json_array_of status_array = { sizeof(struct task_status),
	status_fields, NULL };

#define END_AT(member) offsetof(struct task_end, member)

static const struct json_field end_fields[] = {
	{ "state", json_name, END_AT(state), true, task_state_names, json_name_encode },
	{ "reason", json_string, END_AT(reason) },
	{ "message", json_string, END_AT(message) },
	{ "grace_ms", json_u64, END_AT(grace_ms) },
	{ "kill_ms", json_u64, END_AT(kill_ms) },
	{ 0 },
};

#define TASK_AT(member) offsetof(struct task, member)

static const struct json_field task_fields[] = {
	{ "spec", json_object, TASK_AT(spec), true, task_spec_fields },
	{ "state", json_name, TASK_AT(state), true, task_state_names, json_name_encode },
	{ "attempt", json_u32, TASK_AT(attempt) },
	{ "container", json_string, TASK_AT(container) },
	{ "statuses", json_array, TASK_AT(statuses), false, &status_array },
	{ "end", json_present, TASK_AT(end), false, end_fields },
	{ "launched_ms", json_u64, TASK_AT(launched_ms) },
	{ "started_ms", json_u64, TASK_AT(started_ms) },
	{ "restart_ms", json_u64, TASK_AT(restart_ms) },
	{ "backoffs", json_u32, TASK_AT(backoffs) },
	{ 0 },
};
static const struct json_array_of task_array = { sizeof(struct task), task_fields, NULL };

#define AT(member) offsetof(struct task_group, member)

static const struct json_field group_fields[] = {
	{ "id", json_string, AT(id), true },
	{ "boot_id", json_string, AT(boot_id), true },
	{ "sandbox", json_string, AT(sandbox) },
	{ "run", json_object, AT(run), false, run_fields },
	{ "is_group", json_bool, AT(is_group) },
	{ "is_cleared", json_bool, AT(is_cleared) },
	{ "created", json_i64, AT(created) },
	{ "version", json_u64, AT(version), true },
	{ "tasks", json_array, AT(tasks), true, &task_array },
	{ 0 },
};

#define RECORD_FORMAT 1

void task_group_write(struct json_writer *w, const struct task_group *group)
{
	jw_object(w, NULL);
	jw_u64(w, "format", RECORD_FORMAT);
	json_encode(w, group_fields, group);
	jw_object_end(w);
}

static int check_format(const struct json *root, struct err *err)
{
	static const struct json_field fields[] = { { "format", json_u32, 0, true },
		{ 0 } };
	uint32_t format = 0;
	int r = json_decode(root, fields, &format, err);

	if (r < 0 || format == RECORD_FORMAT)
		return r;
	(void)err_say(err, EPROTO, "it has the format %u, which this version cannot read",
		format);
	return err_hint(err, "start the version of ucr-agentd that wrote it");
}

int task_group_parse(
	const char *text, size_t len, struct task_group **ret, struct err *err)
{
	cleanup_task_group struct task_group *group = calloc(1, sizeof(*group));
	cleanup_json struct json_doc *doc = NULL;
	int r = group ? json_parse(text, len, &doc, err) : err_oom(err);

	if (r == 0)
		r = check_format(json_root(doc), err);
	if (r == 0)
		r = json_decode(json_root(doc), group_fields, group, err);
	if (r == 0 && !group->tasks.count)
		r = err_say(err, EINVAL, "it has no tasks");
	if (r < 0)
		return r;
	for (size_t i = 0; i < group->tasks.count; i++)
		group->tasks.items[i].group = group;
	group->saved_version = group->version;
	*ret = take_ptr(group);
	return 0;
}

void task_group_free(struct task_group *group)
{
	if (!group)
		return;
	json_release(group_fields, group);
	free(group);
}
