/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a task: one struct and one table, for a call, for the protocol between the
 * agent's roles, and for the record on the disk. */
#ifndef UCR_AGENTD_TASK_SPEC_H
#define UCR_AGENTD_TASK_SPEC_H

#include "agentd/bundle.h"
#include "common/json.h"
#include "common/str.h"

#define TASK_ID_MAX 112	    /* its containers' names are longer */
#define TASK_GROUP_MAX 64   /* tasks of one */
#define TASK_GRACE_MS 10000 /* unless the kill policy says otherwise */

enum restart_policy { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_COUNT };
extern const char *const restart_policy_names[]; /* "never"; NULL at the end */

enum task_condition { AFTER_RUNNING, AFTER_FINISHED, AFTER_COUNT };
extern const char *const task_condition_names[]; /* "RUNNING" */

struct task_dependency {
	char *task; /* the name or the id of another of the group */
	uint32_t condition;
};

struct task_spec {
	char *id, *name;
	char *image; /* NULL: the host's programs */
	struct run_options run;
	char *shown; /* an object of JSON: what GET_TASKS tells of it as it was given */
	uint64_t grace_ms, max_completion_ms; /* max 0: none */
	struct {
		uint32_t policy, attempts; /* attempts 0: any number */
		uint64_t backoff_ms, backoff_max_ms;
	} restart;
	bool is_init; /* runs to its end before the tasks that are not */
	struct {
		struct task_dependency *items;
		size_t count;
	} depends;
};

struct task_specs {
	struct task_spec *items;
	size_t count;
};

extern const struct json_field task_spec_fields[];
extern const struct json_array_of task_spec_array; /* of struct task_specs */

/* A number that stands for one of `arg`, names that end with NULL; written by name. */
int json_name(const struct json *v, void *out, const void *arg, struct err *err);
void json_name_encode(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required);

/* What must hold, whoever asks: see agent_call_check(). The dependencies of a group have an order
 * in which they can be met. */
int task_specs_check(const struct task_specs *specs, struct err *err)
	__attribute__((warn_unused_result));
/* The dependency's task; NULL: there is none. */
const struct task_spec *task_specs_find(const struct task_specs *specs, const char *name);

#endif
