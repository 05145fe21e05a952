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

/* What is always started again is never over, unless its attempts are counted. */
static bool is_endless(const struct task_spec *spec)
{
	return spec->restart.policy == RESTART_ALWAYS && !spec->restart.attempts;
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
		if (d->condition == AFTER_FINISHED && is_endless(other))
			return err_say(err, EINVAL,
				"task %s: depends_on: waits until %s is FINISHED, which its restart "
				"\"always\" never lets it be",
				spec->id, other->id);
	}
	return 0;
}

static int check_init(const struct task_spec *spec, struct err *err)
{
	if (!spec->is_init || !is_endless(spec))
		return 0;
	return err_say(err, EINVAL,
		"task %s: restart: the other tasks wait until an init task is over, which "
		"\"always\" without attempts never lets it be",
		spec->id);
}

/* ---- the order ---- */

/* That `spec` waits for and that is not ordered yet; NULL: none. Besides what it names these are the
 * init tasks: all for one that is none, those before it for one that is. */
static const struct task_spec *find_awaited(const struct task_specs *specs,
	const struct task_spec *spec, const bool *is_ordered)
{
	for (size_t i = 0; i < spec->depends.count; i++) {
		const struct task_spec *other =
			task_specs_find(specs, spec->depends.items[i].task);

		if (!is_ordered[other - specs->items])
			return other;
	}
	for (size_t i = 0; i < specs->count; i++) {
		const struct task_spec *other = &specs->items[i];

		if (spec->is_init && other == spec)
			break;
		if (other->is_init && !is_ordered[i])
			return other;
	}
	return NULL;
}

/* Who goes from one to whom it waits for is in a circle when he has seen as many as there are. */
static int say_circle(
	const struct task_specs *specs, const bool *is_ordered, struct err *err)
{
	const struct task_spec *spec = specs->items;

	while (is_ordered[spec - specs->items])
		spec++;
	for (size_t i = 0; i < specs->count; i++)
		spec = find_awaited(specs, spec, is_ordered);
	(void)err_say(err, EINVAL,
		"task %s: depends_on: tasks of the group wait for each other: this one for %s",
		spec->id, find_awaited(specs, spec, is_ordered)->id);
	return err_hint(err,
		"init tasks run one after the other, in their order, and before all others");
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
				find_awaited(specs, &specs->items[i], is_ordered))
				continue;
			is_ordered[i] = true;
			left--;
		}
	} while (left && left < before);
	return left ? say_circle(specs, is_ordered, err) : 0;
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
			r = check_init(&specs->items[i], err);
		if (r == 0)
			r = check_depends(specs, &specs->items[i], err);
	}
	return r == 0 ? check_order(specs, err) : r;
}
