/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/task-spec.h"

#include "agentd/run-fields.h"

#include <errno.h>

const char *const restart_policy_names[] = { "never", "on-failure", "always", NULL };
const char *const task_condition_names[] = { "RUNNING", "FINISHED", NULL };

int json_name(const struct json *v, void *out, const void *arg, struct err *err)
{
	const char *const *names = arg;

	for (uint32_t i = 0; v->type == JSON_STRING && names[i]; i++) {
		if (!str_eq(v->string, names[i]))
			continue;
		*(uint32_t *)out = i;
		return 0;
	}
	return err_say(err, EINVAL, " must be %s, or another of its kind", names[0]);
}

void json_name_encode(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const char *const *names = arg;

	jw_string(w, key, names[*(const uint32_t *)in]);
}

static const struct json_field depend_fields[] = {
	{ "task", json_string, offsetof(struct task_dependency, task), true },
	{ "condition", json_name, offsetof(struct task_dependency, condition), true,
		task_condition_names, json_name_encode },
	{ 0 },
};
static const struct json_array_of depend_array = { sizeof(struct task_dependency),
	depend_fields, NULL };

#define AT(member) offsetof(struct task_spec, member)

const struct json_field task_spec_fields[] = {
	{ "id", json_string, AT(id), true },
	{ "name", json_string, AT(name), true },
	{ "image", json_string, AT(image) },
	{ "run", json_object, AT(run), false, run_fields },
	{ "shown", json_string, AT(shown) },
	{ "grace_ms", json_u64, AT(grace_ms) },
	{ "max_completion_ms", json_u64, AT(max_completion_ms) },
	{ "restart", json_name, AT(restart.policy), true, restart_policy_names,
		json_name_encode },
	{ "attempts", json_u32, AT(restart.attempts) },
	{ "backoff_ms", json_u64, AT(restart.backoff_ms) },
	{ "backoff_max_ms", json_u64, AT(restart.backoff_max_ms) },
	{ "is_init", json_bool, AT(is_init) },
	{ "depends", json_array, AT(depends), false, &depend_array },
	{ 0 },
};
const struct json_array_of task_spec_array = { sizeof(struct task_spec), task_spec_fields,
	NULL };

/* ---- what must hold ---- */

static int check_ids(const struct task_specs *specs, size_t n, struct err *err)
{
	const char *id = specs->items[n].id;

	if (!str_is_name(id) || strlen(id) > TASK_ID_MAX)
		return err_say(err, EINVAL,
			"task_id.value: want letters, digits, and _ + - and, after the first, . "
			"at most %d",
			TASK_ID_MAX);
	for (size_t i = 0; i < n; i++) {
		if (str_eq(specs->items[i].id, id))
			return err_say(err, EINVAL,
				"task_group.tasks: two of them have the task_id %s", id);
	}
	return 0;
}

/* What a task is is kept on disk, and told as it was given. */
static int check_secrets(const struct task_spec *spec, struct err *err)
{
	return strv_len(spec->run.secrets) || strv_len(spec->run.secret_env)
		       ? err_say(err, EINVAL,
				 "task %s: secrets are for LAUNCH_CONTAINER alone, as a task is kept on "
				 "disk",
				 spec->id)
		       : 0;
}

const struct task_spec *task_specs_find(const struct task_specs *specs, const char *name)
{
	for (size_t i = 0; i < specs->count; i++) {
		if (str_eq(specs->items[i].id, name) ||
			str_eq(specs->items[i].name, name))
			return &specs->items[i];
	}
	return NULL;
}

static int check_depends(
	const struct task_specs *specs, const struct task_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->depends.count; i++) {
		const struct task_dependency *d = &spec->depends.items[i];
		const struct task_spec *other = task_specs_find(specs, d->task);

		if (!other)
			return err_say(err, EINVAL,
				"task %s: depends_on: there is no task %.80s in its group",
				spec->id, d->task);
		if (spec->is_init && !other->is_init)
			return err_say(err, EINVAL,
				"task %s: depends_on: runs before %.80s, which is no init task",
				spec->id, d->task);
	}
	return 0;
}

static bool depends_are_in(const struct task_specs *specs, const struct task_spec *spec,
	const bool *is_ordered)
{
	for (size_t i = 0; i < spec->depends.count; i++) {
		const struct task_spec *other =
			task_specs_find(specs, spec->depends.items[i].task);

		if (!is_ordered[other - specs->items])
			return false;
	}
	return true;
}

/* Takes away, again and again, those that wait for none of the rest. */
static int check_order(const struct task_specs *specs, struct err *err)
{
	bool is_ordered[TASK_GROUP_MAX] = { false };
	size_t left = specs->count, before;

	do {
		before = left;
		for (size_t i = 0; i < specs->count; i++) {
			if (is_ordered[i] ||
				!depends_are_in(specs, &specs->items[i], is_ordered))
				continue;
			is_ordered[i] = true;
			left--;
		}
	} while (left && left < before);
	if (!left)
		return 0;
	return err_say(
		err, EINVAL, "depends_on: the tasks of the group wait for each other");
}

int task_specs_check(const struct task_specs *specs, struct err *err)
{
	int r = 0;

	if (!specs->count || specs->count > TASK_GROUP_MAX)
		return err_say(err, EINVAL, "task_group.tasks: want 1 to %d tasks",
			TASK_GROUP_MAX);
	for (size_t i = 0; r == 0 && i < specs->count; i++) {
		r = check_ids(specs, i, err);
		if (r == 0)
			r = check_secrets(&specs->items[i], err);
		if (r == 0)
			r = check_depends(specs, &specs->items[i], err);
	}
	return r == 0 ? check_order(specs, err) : r;
}
