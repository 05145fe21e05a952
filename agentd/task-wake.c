/* SPDX-License-Identifier: Apache-2.0 */
/* One descriptor wakes all groups, and one timer is for all tasks: thousands cost no more of them
 * than one. */
#include "agentd/task-run.h"

#include "common/cleanup.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static struct task_table *table_of(const struct task_group *group)
{
	return group->tasks.items[0].run->agent->tasks;
}

void task_group_wake(struct task_group *group)
{
	struct task_table *table = table_of(group);
	const uint64_t one = 1;

	if (group->loop->is_woken)
		return;
	group->loop->is_woken = true;
	group->loop->next_woken = table->woken;
	table->woken = group;
	(void)!write(table->wake_fd, &one, sizeof(one));
}

void task_wake_forget(struct task_table *table, struct task_group *group)
{
	struct task_group **at = &table->woken;

	while (*at && *at != group)
		at = &(*at)->loop->next_woken;
	if (*at)
		*at = group->loop->next_woken;
}

static int on_wake(struct loop_source *source, uint32_t events, void *arg)
{
	struct task_table *table = arg;
	uint64_t count;

	(void)!read(table->wake_fd, &count, sizeof(count));
	while (table->woken) {
		struct task_group *group = table->woken;

		table->woken = group->loop->next_woken;
		group->loop->is_woken = false;
		task_group_look(group);
	}
	return 0;
}

/* ---- time ---- */

static void arm(struct task_table *table, uint64_t ms);

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct task_table *table = arg;
	uint64_t now = task_now_ms(), next = 0;

	table->timer_ms = 0;
	for (struct task_group *g = table->groups; g; g = g->next) {
		for (size_t i = 0; i < g->tasks.count; i++) {
			struct task_run *run = g->tasks.items[i].run;

			if (run->due_ms && run->due_ms <= now) {
				run->due_ms = 0;
				task_group_wake(g);
			} else if (run->due_ms && (!next || run->due_ms < next)) {
				next = run->due_ms;
			}
		}
	}
	if (next)
		arm(table, next);
	return 0;
}

static void arm(struct task_table *table, uint64_t ms)
{
	uint64_t now = task_now_ms();

	if (table->timer_ms && table->timer_ms <= ms)
		return;
	loop_set_timer(table->timer, ms > now ? ms - now : 0);
	table->timer_ms = ms;
}

void task_wake_at(struct task *task, uint64_t ms)
{
	struct task_run *run = task->run;

	if (!run->due_ms || ms < run->due_ms)
		run->due_ms = ms;
	arm(run->agent->tasks, run->due_ms);
}

int task_wake_init(struct task_table *table, struct err *err)
{
	int r;

	table->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (table->wake_fd < 0)
		return err_set(err, errno, "make a descriptor to wake by");
	r = loop_add_fd(table->agent->loop, table->wake_fd, EPOLLIN, on_wake, table,
		&table->wake);
	/* Made here, and not when there is no descriptor left for it. */
	if (r == 0)
		r = loop_add_timer(table->agent->loop, LOOP_NEVER, 0, on_timer, table,
			&table->timer);
	return r < 0 ? err_set(err, -r, "wait for tasks") : 0;
}

void task_wake_done(struct task_table *table)
{
	loop_remove(table->wake);
	loop_remove(table->timer);
	if (table->wake_fd >= 0)
		(void)close(table->wake_fd);
}
