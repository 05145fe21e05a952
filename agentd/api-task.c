/* SPDX-License-Identifier: Apache-2.0 */
/* TaskInfo and TaskGroupInfo of Mesos, and what is our own in them. */
#include "agentd/api-members.h"

#include "common/cleanup.h"

#include <errno.h>
#include <math.h>

#define MS_PER_SECOND 1000.0
#define SECONDS_MAX 3e9
#define NS_PER_MS 1000000
#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 300000

/* Begins with what it has in common with a container's launch. */
struct task_request {
	struct api_members base;
	struct task_spec spec;
};

#define CALL_AT(member) offsetof(struct api_members, call.member)
#define AT(member) offsetof(struct task_request, spec.member)

/* ---- decoders ---- */

/* DurationInfo. */
static int decode_duration(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	static const struct json_field fields[] = { { "nanoseconds", json_i64, 0, true },
		{ 0 } };
	int64_t ns = 0;
	int r = v->type == JSON_OBJECT
			? json_decode(v, fields, &ns, err)
			: err_say(err, EINVAL,
				  " must be an object, {\"nanoseconds\":NUMBER}");

	if (r == 0 && ns < 0)
		return err_say(err, EINVAL, " must not be negative");
	if (r == 0)
		*(uint64_t *)out = ((uint64_t)ns + NS_PER_MS - 1) / NS_PER_MS;
	return r;
}

static int decode_seconds(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	char *end = NULL;
	double value = v->type == JSON_NUMBER ? strtod(v->string, &end) : NAN;

	if (!isfinite(value) || *end || value < 0 || value > SECONDS_MAX)
		return err_say(err, EINVAL, " must be a number of seconds");
	*(uint64_t *)out = (uint64_t)(value * MS_PER_SECOND + 0.5);
	return 0;
}

static const struct json_field id_members[] = { { "value", json_string, 0, true },
	{ 0 } };

/* ---- TaskInfo ---- */

static const struct json_field kill_policy_members[] = {
	{ "grace_period", decode_duration, 0 },
	{ 0 },
};

static const struct json_field restart_members[] = {
	{ "policy", json_name, AT(restart.policy), true, restart_policy_names },
	{ "attempts", json_u32, AT(restart.attempts) },
	{ "backoff_seconds", decode_seconds, AT(restart.backoff_ms) },
	{ "max_backoff_seconds", decode_seconds, AT(restart.backoff_max_ms) },
	{ 0 },
};

static int decode_condition(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	return json_name(v, out, task_condition_names, err);
}

static const struct json_field dependency_members[] = {
	{ "task", json_string, offsetof(struct task_dependency, task), true },
	{ "condition", decode_condition, offsetof(struct task_dependency, condition) },
	{ 0 },
};
static const struct json_array_of dependency_array = { sizeof(struct task_dependency),
	dependency_members, NULL };

static const struct json_field task_members[] = {
	{ "task_id", json_object, AT(id), true, id_members },
	{ "name", json_string, AT(name) },
	{ "command", json_object, 0, false, api_command_members },
	{ "container", json_object, 0, false, api_container_members },
	{ "resources", api_decode_resources },
	{ "kill_policy", json_object, AT(grace_ms), false, kill_policy_members },
	{ "max_completion_time", decode_duration, AT(max_completion_ms) },
	{ "restart", json_object, 0, false, restart_members },
	{ "nesting", json_bool, CALL_AT(run.has_nesting) },
	{ "init", json_bool, AT(is_init) },
	{ "depends_on", json_array, AT(depends), false, &dependency_array },
	{ "limits", json_object, 0, false, api_limit_members },
	{ "executor", api_refuse, 0, false,
		"this agent has no executors of others: give the command" },
	{ "health_check", api_refuse, 0, false, "this agent checks no health" },
	{ "check", api_refuse, 0, false, "this agent makes no checks" },
	{ 0 },
};

/* What GET_TASKS tells as it came: nothing of the environment, which may hold secrets. */
static const char *const shown_members[] = { "framework_id", "resources", "labels",
	"discovery", "kill_policy", "max_completion_time", "restart", "depends_on",
	"init" };

static int show(const struct json *v, char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	for (size_t i = 0; i < sizeof(shown_members) / sizeof(*shown_members); i++) {
		const struct json *member = json_get(v, shown_members[i]);

		if (member && member->type != JSON_NULL)
			jw_json(&w, shown_members[i], member);
	}
	jw_object_end(&w);
	*ret = buf_take(&b);
	return *ret ? 0 : err_oom(err);
}

static int finish(const struct json *v, struct task_request *request, struct err *err)
{
	struct task_spec *spec = &request->spec;
	int r = api_members_finish(&request->base, err);

	spec->run = request->base.call.run;
	request->base.call.run = (struct run_options){ 0 };
	spec->image = take_ptr(request->base.call.image);
	if (spec->restart.backoff_max_ms < spec->restart.backoff_ms)
		spec->restart.backoff_max_ms = spec->restart.backoff_ms;
	if (r == 0 && !spec->name && str_set(&spec->name, spec->id) < 0)
		r = err_oom(err);
	return r == 0 ? show(v, &spec->shown, err) : r;
}

static int read_task(const struct json *v, struct task_spec *ret, struct err *err)
{
	struct task_request request = {
		.spec = { .grace_ms = TASK_GRACE_MS,
			.restart = { .backoff_ms = BACKOFF_MS,
				.backoff_max_ms = BACKOFF_MAX_MS } }
	};
	int r = v->type == JSON_OBJECT ? json_decode(v, task_members, &request, err)
				       : err_say(err, EINVAL, " must be an object");

	if (r == 0)
		r = finish(v, &request, err);
	api_members_done(&request.base);
	agent_call_done(&request.base.call);
	*ret = request.spec;
	return r;
}

static int add_task(const struct json *v, struct task_specs *specs, struct err *err)
{
	struct task_spec *grown =
		reallocarray(specs->items, specs->count + 1, sizeof(*grown));

	if (!grown)
		return err_oom(err);
	specs->items = grown;
	return read_task(v, &grown[specs->count++], err);
}

static int decode_task(const struct json *v, void *out, const void *arg, struct err *err)
{
	return add_task(v, out, err);
}

static int decode_tasks(const struct json *v, void *out, const void *arg, struct err *err)
{
	struct agent_call *call = out;
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	call->is_group = true;
	json_each (item, v) {
		if (r == 0 && call->tasks.count == TASK_GROUP_MAX)
			r = err_say(
				err, EINVAL, " has more than %d tasks", TASK_GROUP_MAX);
		if (r == 0)
			r = add_task(item, &call->tasks, err);
	}
	return r;
}

/* ---- calls ---- */

const struct json_field api_launch_task_members[] = {
	{ "task_info", decode_task, CALL_AT(tasks), true },
	{ 0 },
};

static const struct json_field group_members[] = {
	{ "tasks", decode_tasks, offsetof(struct api_members, call), true },
	{ 0 },
};
/* Of the executor, which is no program here, only what its tasks share. */
static const struct json_field executor_members[] = {
	{ "container", json_object, 0, false, api_container_members },
	{ "resources", api_decode_resources },
	{ "command", api_refuse, 0, false,
		"this agent has no executors of others: a group's is what its tasks share" },
	{ "shutdown_grace_period", api_refuse, 0, false,
		"each task of a group has its own: give kill_policy.grace_period of each" },
	{ 0 },
};
const struct json_field api_launch_group_members[] = {
	{ "task_group", json_object, 0, true, group_members },
	{ "executor", json_object, 0, false, executor_members },
	{ 0 },
};

static int decode_kill_policy(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	struct agent_call *call = out;

	call->has_grace = json_get(v, "grace_period") != NULL;
	return json_object(v, &call->grace_ms, kill_policy_members, err);
}

const struct json_field api_kill_task_members[] = {
	{ "task_id", json_object, CALL_AT(task), true, id_members },
	{ "kill_policy", decode_kill_policy, offsetof(struct api_members, call) },
	{ 0 },
};

const struct json_field api_acknowledge_members[] = {
	{ "task_id", json_object, CALL_AT(task), true, id_members },
	{ "uuid", json_string, CALL_AT(uuid), true },
	{ 0 },
};

static int add_id(const struct json *v, strv *ids, struct err *err)
{
	const char *id = json_get_string(json_get(v, "task_id"), "value");

	if (!id)
		return err_say(err, EINVAL,
			" must be of objects as {\"task_id\":{\"value\":TASK}}");
	return strv_add(ids, id) < 0 ? err_oom(err) : 0;
}

static int decode_ids(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	json_each (item, v) {
		if (r == 0)
			r = add_id(item, out, err);
	}
	return r;
}

const struct json_field api_reconcile_members[] = {
	{ "tasks", decode_ids, CALL_AT(task_ids) },
	{ 0 },
};
