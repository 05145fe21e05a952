/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-call.h"

#include "agentd/run-fields.h"
#include "common/str.h"

#include <errno.h>

#define AT(member) offsetof(struct agent_call, member)

#define VOLUME_AT(member) offsetof(struct agent_volume, member)

static const struct json_field volume_fields[] = {
	{ "name", json_string, VOLUME_AT(name), true },
	{ "role", json_string, VOLUME_AT(role) },
	{ "bytes", json_u64, VOLUME_AT(bytes) },
	{ 0 },
};
static const struct json_array_of volume_array = { sizeof(struct agent_volume),
	volume_fields, NULL };

static const struct json_field fields[] = {
	{ "id", json_u64, AT(id), true },
	{ "op", json_string, AT(op), true },
	{ "parents", json_strv, AT(parents) },
	{ "is_nested", json_bool, AT(is_nested) },
	{ "is_deep", json_bool, AT(is_deep) },
	{ "container", json_string, AT(container) },
	{ "image", json_string, AT(image) },
	{ "run", json_object, AT(run), false, run_fields },
	{ "platform", json_string, AT(platform) },
	{ "docker", json_object, AT(docker), false, docker_fields },
	{ "duration_ms", json_u64, AT(flame.duration_ms) },
	{ "frequency", json_u32, AT(flame.frequency) },
	{ "folded", json_bool, AT(flame.is_folded) },
	{ "per_thread", json_bool, AT(flame.is_per_thread) },
	{ "signal", json_u32, AT(signal) },
	{ "timeout", json_string, AT(timeout) },
	{ "force", json_bool, AT(is_forced) },
	{ "attach", json_bool, AT(is_attached) },
	{ "follow", json_bool, AT(log.is_followed) },
	{ "tail", json_string, AT(log.tail) },
	{ "since", json_i64, AT(log.since) },
	{ "until", json_i64, AT(log.until) },
	{ "path", json_string, AT(file.path) },
	{ "offset", json_u64, AT(file.offset) },
	{ "length", json_u64, AT(file.length) },
	{ "list", json_bool, AT(file.is_list) },
	{ "has_events_after", json_bool, AT(has_events_after) },
	{ "events_after", json_u64, AT(events_after) },
	{ "tasks", json_array, AT(tasks), false, &task_spec_array },
	{ "is_group", json_bool, AT(is_group) },
	{ "task", json_string, AT(task) },
	{ "uuid", json_string, AT(uuid) },
	{ "has_grace", json_bool, AT(has_grace) },
	{ "grace_ms", json_u64, AT(grace_ms) },
	{ "task_ids", json_strv, AT(task_ids) },
	{ "volumes", json_array, AT(volumes), false, &volume_array },
	{ 0 },
};

int agent_call_parse(
	const char *text, size_t len, struct agent_call *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct agent_call call = { 0 };
	int r = json_parse(text, len, &doc, err);

	if (r == 0)
		r = json_decode(json_root(doc), fields, &call, err);
	if (r < 0)
		agent_call_done(&call);
	else
		*ret = call;
	return r;
}

void agent_call_write(struct json_writer *w, const struct agent_call *call)
{
	jw_object(w, NULL);
	json_encode(w, fields, call);
	jw_object_end(w);
}

/* ---- what must hold ---- */

static int check_name(const struct agent_call *call, struct err *err)
{
	bool is_good = call->container && str_is_name(call->container);

	strv_each (parent, call->parents)
		is_good = is_good && str_is_name(*parent);
	if (is_good)
		return 0;
	return err_say(err, EINVAL,
		"container_id.value: want letters, digits, and _ + - and, after the first, . at "
		"most 128");
}

static int check_uris(const struct agent_call *call, struct err *err)
{
	for (size_t i = 0; call->run.uris && call->run.uris[i]; i++) {
		if (!str_skip_prefix(call->run.uris[i], "http://") &&
			!str_skip_prefix(call->run.uris[i], "https://"))
			return err_say(err, EINVAL,
				"uris[%zu]: want http or https: files of the host are not given out",
				i);
	}
	return 0;
}

/* Without "=" it would be the agent's own variable. */
static int check_environment(const struct agent_call *call, struct err *err)
{
	strv_each (assignment, call->run.env) {
		if (**assignment == '=' || !strchr(*assignment, '='))
			return err_say(err, EINVAL,
				"environment: want variables with a name that has no \"=\"");
	}
	return 0;
}

int agent_call_check_run(const struct agent_call *call, struct err *err)
{
	int r = check_environment(call, err);

	return r == 0 ? check_uris(call, err) : r;
}

static int check_launch(const struct agent_call *call, struct err *err)
{
	if (!call->image && !call->run.command)
		return err_say(err, EINVAL,
			"launch_container.command: without an image a command is needed");
	return agent_call_check_run(call, err);
}

/* The engine finds a name for what has none. */
static int check_run(const struct agent_call *call, struct err *err)
{
	if (call->container && check_name(call, err) < 0)
		return -EINVAL;
	return check_launch(call, err);
}

static int check_exec(const struct agent_call *call, struct err *err)
{
	int r = check_name(call, err);

	if (r == 0 && !call->run.command)
		r = err_say(err, EINVAL, "exec_container.run.command: want a command");
	return r == 0 ? check_environment(call, err) : r;
}

static int check_logs(const struct agent_call *call, struct err *err)
{
	uint32_t lines;

	if (!call->log.tail || str_to_u32(call->log.tail, &lines) == 0)
		return 0;
	return err_say(err, EINVAL, "read_logs.tail: want a number of lines as text");
}

static int check_path(const struct agent_call *call, struct err *err)
{
	if (!str_empty(call->file.path))
		return 0;
	return err_say(err, EINVAL,
		"path: want the container's name, and then a path in its sandbox, as web/out");
}

static int check_nothing(const struct agent_call *call, struct err *err)
{
	return 0;
}

static int check_timeout(const struct agent_call *call, struct err *err)
{
	uint64_t ms;

	if (!call->timeout || (str_to_ms(call->timeout, &ms) == 0 && ms <= INT64_MAX))
		return 0;
	return err_say(err, EINVAL,
		"stop_container.timeout: want a time as 10, 1.5s, 300ms or 2m");
}

/* What is one for all of a group. */
static int check_member(const struct task_spec *spec, struct err *err)
{
	const struct {
		bool is_given;
		const char *what;
	} rows[] = {
		{ spec->run.network, "network_infos: a group has one network" },
		{ spec->run.hostname, "hostname: a group has one name" },
		{ spec->run.shm_size, "linux_info.shm_size: a group has one /dev/shm" },
		{ spec->run.userns, "userns: a group has one user namespace" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].is_given)
			return err_say(err, EINVAL,
				"container.%s: give it in executor.container",
				rows[i].what);
	}
	return 0;
}

static int check_single(const struct task_spec *spec, struct err *err)
{
	if (spec->is_init)
		return err_say(err, EINVAL, "init: only groups have init tasks");
	return spec->depends.count
		       ? err_say(err, EINVAL,
				 "depends_on: only in groups tasks wait for others")
		       : 0;
}

/* What all share runs nothing, so that it has no files to run, and is kept on disk. */
static int check_shared(const struct agent_call *call, struct err *err)
{
	if (call->image || call->run.uris || call->run.command)
		return err_say(err, EINVAL,
			"executor: a group has neither an image nor a command of its own, its "
			"tasks have");
	return strv_len(call->run.secrets) || strv_len(call->run.secret_env)
		       ? err_say(err, EINVAL,
				 "executor.container.volumes: secrets are for "
				 "LAUNCH_CONTAINER alone, as a group is kept on disk")
		       : 0;
}

/* What each would be launched with. */
static int check_tasks(const struct agent_call *call, struct err *err)
{
	int r = task_specs_check(&call->tasks, err);

	if (r == 0 && !call->is_group && call->tasks.count != 1)
		r = err_say(err, EINVAL, "launch_task: want one task");
	if (r == 0)
		r = check_shared(call, err);
	for (size_t i = 0; r == 0 && i < call->tasks.count; i++) {
		const struct task_spec *spec = &call->tasks.items[i];
		const struct agent_call launch = { .image = spec->image,
			.run = spec->run };

		r = check_launch(&launch, err);
		if (r == 0)
			r = call->is_group ? check_member(spec, err)
					   : check_single(spec, err);
		if (r < 0)
			return err_wrap(err, "task %s", spec->id);
	}
	return r;
}

static int check_task(const struct agent_call *call, struct err *err)
{
	return call->task ? 0 : err_say(err, EINVAL, "task_id.value: want a task");
}

static int check_status(const struct agent_call *call, struct err *err)
{
	return call->uuid ? check_task(call, err)
			  : err_say(err, EINVAL, "uuid: want that of a status");
}

static int check_flame(const struct agent_call *call, struct err *err)
{
	return flame_options_check(&call->flame, err);
}

static int check_image(const struct agent_call *call, struct err *err)
{
	return call->image ? 0 : err_say(err, EINVAL, "name: want an image");
}

/* The others say nothing that could be wrong. */
static const struct {
	const char *op;
	int (*check)(const struct agent_call *call, struct err *err);
	bool is_nameless; /* the container has none, or none yet */
} rules[] = {
	{ "run", check_run, .is_nameless = true },
	{ "exec", check_exec },
	{ "launch", check_launch },
	{ "wait", check_nothing },
	{ "kill", check_nothing },
	{ "remove", check_nothing },
	{ "find", check_nothing },
	{ "inspect", check_nothing },
	{ "stop", check_timeout },
	{ "top", check_nothing },
	{ "logs", check_logs },
	{ "image", check_image, .is_nameless = true },
	{ "pull", check_image, .is_nameless = true },
	{ "load-image", check_image, .is_nameless = true },
	{ "docker-tag", check_image, .is_nameless = true },
	{ "docker-untag", check_image, .is_nameless = true },
	{ "list-files", check_path, .is_nameless = true },
	{ "read-file", check_path, .is_nameless = true },
	{ "download", check_path, .is_nameless = true },
	{ "measure", check_nothing },
	{ "profile", check_flame },
	{ "attach", check_nothing },
	{ "attach-input", check_nothing },
	{ "docker-create", agent_call_check_run, .is_nameless = true },
	{ "docker-exec", check_environment, .is_nameless = true },
	{ "launch-tasks", check_tasks, .is_nameless = true },
	{ "kill-task", check_task, .is_nameless = true },
	{ "acknowledge", check_status, .is_nameless = true },
};

int agent_call_check(const struct agent_call *call, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!str_eq(rules[i].op, call->op))
			continue;
		r = rules[i].is_nameless ? 0 : check_name(call, err);
		if (r == 0)
			r = rules[i].check(call, err);
	}
	return r;
}

void agent_call_done(struct agent_call *call)
{
	json_release(fields, call);
}

/* ---- how a failure is told ---- */

static const struct {
	int code;
	uint32_t status;
} statuses[] = {
	{ EINVAL, 400 },
	{ EACCES, 403 },
	{ ENOENT, 404 },
	{ EBUSY, 409 },
	{ ESRCH, 409 },
	{ EEXIST, 409 },
	{ EAGAIN, 503 },
	{ EMFILE, 503 },
	{ ENFILE, 503 },
	{ ENOSPC, 507 },
};

uint32_t agent_error_status(int r)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].code == -r)
			return statuses[i].status;
	}
	return 500;
}

int agent_status_error(uint32_t status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == status)
			return -statuses[i].code;
	}
	return status == 501 ? -ENOSYS : -EIO;
}

/* All in one, as clients of Docker's API show it. */
static void write_message(struct json_writer *w, const struct err *err)
{
	cleanup_free char *text =
		str_printf("%s%s%s", err->text, *err->hint ? ": " : "", err->hint);

	jw_string(w, "message", text);
}

void agent_error_write(struct json_writer *w, const struct err *err)
{
	jw_object(w, NULL);
	jw_string(w, "error", err->text);
	if (*err->hint)
		jw_string(w, "hint", err->hint);
	write_message(w, err);
	jw_object_end(w);
}
