/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that are recorded, started and ended together, and their record: one file, written whole or
 * not at all. */
#ifndef UCR_AGENTD_TASK_GROUP_H
#define UCR_AGENTD_TASK_GROUP_H

#include "agentd/task.h"

struct task_group {
	char *id; /* its first task's */
	char *boot_id;
	char *sandbox; /* the id of the container that holds what its tasks share; NULL */
	struct run_options run; /* of that container: its network, name, volumes */
	bool is_group;		/* else one task by itself */
	bool is_cleared;	/* it is over, and what its tasks shared is gone */
	int64_t created;	/* nanoseconds since the epoch */
	uint64_t version;	/* of its record */
	struct {
		struct task *items;
		size_t count;
	} tasks;
	/* Not in the record. */
	uint64_t saved_version;
	struct task_group *next;
	struct group_run *loop; /* what the loop has to do with it */
};

void task_group_free(struct task_group *group);
static inline void task_group_free_ptr(struct task_group **group)
{
	task_group_free(*group);
}
#define cleanup_task_group cleanup_with(task_group_free_ptr)

/* Takes the specifications over, and what the group shares; `run` NULL: one task by itself. */
int task_group_new(struct task_specs *specs, struct run_options *run, const char *boot_id,
	struct task_group **ret) __attribute__((warn_unused_result));
bool task_group_is_terminal(const struct task_group *group);
struct task *task_group_find(const struct task_group *group, const char *task_id);

/* The record. */
void task_group_write(struct json_writer *w, const struct task_group *group);
int task_group_parse(const char *text, size_t len, struct task_group **ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
