/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/task-run.h"

#include "common/cleanup.h"
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <time.h>

#define RETRY_MS 1000 /* of what the disk did not take */

uint64_t task_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- groups by their tasks ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(
		((const struct task *)a)->spec.id, ((const struct task *)b)->spec.id);
}

struct task *task_table_find(const struct task_table *table, const char *id)
{
	const struct task key = { .spec.id = (char *)(uintptr_t)id };
	void *const *found = tfind(&key, (void *const *)&table->by_id, compare);

	return found ? *found : NULL;
}

static void run_free(struct task_group *group)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task_run *run = group->tasks.items[i].run;

		if (!run)
			continue;
		agent_watch_free(run->watch);
		free(run->failure);
		free(run);
	}
	if (!group->loop)
		return;
	agent_watch_free(group->loop->watch);
	free(group->loop->failure);
	while (group->loop->waiting) {
		struct task_waiting *waiting = group->loop->waiting;

		group->loop->waiting = waiting->next;
		free(waiting);
	}
	free(group->loop);
}

static int run_new(struct agent *agent, struct task_group *group)
{
	group->loop = calloc(1, sizeof(*group->loop));
	if (!group->loop)
		return -ENOMEM;
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task_run *run = calloc(1, sizeof(*run));

		if (!run)
			return -ENOMEM;
		run->agent = agent;
		run->task = &group->tasks.items[i];
		run->task->run = run;
	}
	return 0;
}

static void forget_ids(struct task_table *table, const struct task_group *group)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		if (task_table_find(table, task->spec.id) == task)
			(void)tdelete(task, &table->by_id, compare);
	}
}

static int add_ids(struct task_table *table, struct task_group *group)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task *const *at =
			tsearch(&group->tasks.items[i], &table->by_id, compare);

		if (!at || *at != &group->tasks.items[i]) {
			forget_ids(table, group);
			return at ? -EEXIST : -ENOMEM;
		}
	}
	return 0;
}

int task_table_add(struct task_table *table, struct task_group *group)
{
	int r = run_new(table->agent, group);

	if (r == 0)
		r = add_ids(table, group);
	if (r < 0) {
		run_free(group);
		task_group_free(group);
		return r;
	}
	*table->groups_end = group;
	table->groups_end = &group->next;
	return 0;
}

void task_table_drop(struct task_table *table, struct task_group *group)
{
	struct task_group **at = &table->groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	if (!*at)
		table->groups_end = at;
	forget_ids(table, group);
	task_wake_forget(table, group);
	table->done_count -= group->loop->is_done;
	run_free(group);
	task_group_free(group);
}

/* ---- their records ---- */

static int on_retry(struct loop_source *source, uint32_t events, void *arg)
{
	struct task_table *table = arg;

	table->is_retrying = false;
	for (struct task_group *g = table->groups; g; g = g->next)
		task_table_save(table, g);
	return 0;
}

static void retry(struct task_table *table, uint64_t ms)
{
	if (table->is_retrying)
		return;
	table->is_retrying = true;
	loop_set_timer(table->retry, ms);
}

void task_table_save(struct task_table *table, struct task_group *group)
{
	struct group_run *run = group->loop;

	if (run->is_saving || run->is_removing || group->version <= group->saved_version)
		return;
	if (task_ledger_save(table->ledger, group, group->saved_version) == 0)
		run->is_saving = true;
	else
		retry(table, RETRY_MS);
}

/* Those that wait for this version; `r` < 0: those that wait for any. */
static void answer(struct agent *agent, struct task_group *group, int r)
{
	struct task_waiting **at = &group->loop->waiting;

	while (*at) {
		cleanup_answer struct agent_answer answer = { .status = 200 };
		struct task_waiting *waiting = *at;
		struct err err = { 0 };

		if (r == 0 && waiting->version > group->saved_version) {
			at = &waiting->next;
			continue;
		}
		*at = waiting->next;
		if (waiting->id && r < 0) {
			(void)err_set(&err, -r, "write the record of %s", group->id);
			(void)err_hint(&err, "free space below %s",
				engine_root_path(agent->engine));
			agent_api_fail(agent, waiting->id, r, &err);
		} else if (waiting->id) {
			agent_api_send(agent, waiting->id, &answer);
		}
		free(waiting);
	}
}

void task_table_answer(struct task_table *table, struct task_group *group, uint64_t id)
{
	struct task_waiting *waiting = calloc(1, sizeof(*waiting));
	struct err err = { 0 };

	if (!waiting) {
		agent_api_fail(table->agent, id, err_oom(&err), &err);
		return;
	}
	*waiting = (struct task_waiting){ group->loop->waiting, id, group->version };
	group->loop->waiting = waiting;
	if (group->version <= group->saved_version)
		answer(table->agent, group, 0);
	else
		task_table_save(table, group);
}

void task_call_cancel(struct agent *agent, uint64_t id)
{
	for (struct task_group *g = agent->tasks->groups; g; g = g->next) {
		for (struct task_waiting *w = g->loop->waiting; w; w = w->next) {
			if (w->id == id)
				w->id = 0;
		}
	}
}

static void start_again(struct task_table *table)
{
	for (struct task_group *g = table->groups; g; g = g->next)
		g->loop->is_saving = false;
	retry(table, RETRY_MS);
}

/* A group that was never on the disk was never accepted. */
static void take_refusal(struct task_table *table, struct task_group *group, int r)
{
	answer(table->agent, group, r);
	if (!group->saved_version)
		task_table_drop(table, group);
	else
		retry(table, RETRY_MS);
}

static void on_saved(void *arg, const char *id, uint64_t version, int r)
{
	struct task_table *table = arg;
	struct task *task = id ? task_table_find(table, id) : NULL;
	struct task_group *group = task ? task->group : NULL;

	if (!id)
		start_again(table);
	if (!group)
		return;
	group->loop->is_saving = false;
	if (r < 0) {
		take_refusal(table, group, r);
		return;
	}
	if (version > group->saved_version)
		group->saved_version = version;
	answer(table->agent, group, 0);
	task_table_save(table, group);
	task_group_wake(group);
}

/* ---- history ---- */

/* Over, and everybody knows. */
static bool is_done(const struct task_group *group)
{
	if (group->version > group->saved_version || group->loop->is_launching ||
		group->loop->is_killing || (group->is_group && !group->is_cleared))
		return false;
	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		if (!task_state_is_terminal(task->state) || task_pending(task) ||
			task->run->watch || task->run->is_launching ||
			task->run->is_killing)
			return false;
	}
	return true;
}

static void trim(struct task_table *table)
{
	struct task_group *group = table->groups;

	while (group && table->done_count > table->agent->options->task_history) {
		if (group->loop->is_done && !group->loop->is_removing) {
			group->loop->is_removing = true;
			group->loop->is_done = false;
			table->done_count--;
			agent_work_job(table->agent, &task_erase_job, group);
		}
		group = group->next;
	}
}

void task_table_note_done(struct task_table *table, struct task_group *group)
{
	if (group->loop->is_done || group->loop->is_removing || !is_done(group))
		return;
	group->loop->is_done = true;
	table->done_count++;
	trim(table);
}

void task_table_erased(struct task_table *table, struct task_group *group)
{
	task_ledger_remove(table->ledger, group->id);
	task_table_drop(table, group);
}

/* ---- the beginning and the end ---- */

static int read_boot_id(struct task_table *table, struct err *err)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = proc < 0 ? -errno : process_boot_id(proc, table->boot_id);

	return r < 0 ? err_set(err, -r, "read the boot's id") : 0;
}

static int init_retry(struct task_table *table, struct err *err)
{
	int r = loop_add_timer(
		table->agent->loop, LOOP_NEVER, 0, on_retry, table, &table->retry);

	return r < 0 ? err_set(err, -r, "make a timer for records") : 0;
}

int task_table_new(struct agent *agent, struct err *err)
{
	struct task_table *table = calloc(1, sizeof(*table));
	struct task_ledger_options options = { .loop = agent->loop,
		.engine = agent->engine,
		.saved = on_saved,
		.arg = table };
	int r;

	if (!table)
		return err_oom(err);
	table->agent = agent;
	table->groups_end = &table->groups;
	table->wake_fd = -1;
	agent->tasks = table;
	r = read_boot_id(table, err);
	if (r == 0)
		r = task_wake_init(table, err);
	if (r == 0)
		r = init_retry(table, err);
	return r < 0 ? r : task_ledger_new(&options, &table->ledger, err);
}

void task_table_free(struct task_table *table)
{
	if (!table)
		return;
	task_ledger_free(table->ledger);
	while (table->groups)
		task_table_drop(table, table->groups);
	loop_remove(table->retry);
	task_wake_done(table);
	free(table);
}

void task_table_leave(struct task_table *table)
{
	if (table && table->ledger)
		task_ledger_leave(table->ledger);
}

static void complain(const char *name, const struct err *wrong)
{
	cleanup_free char *whose = str_printf("the record tasks/%s", name);

	agent_complain(whose, wrong);
}

struct loading {
	struct task_group **items;
	size_t count;
};

static void take_group(void *arg, struct task_group *group)
{
	struct loading *l = arg;
	struct task_group **grown =
		reallocarray(l->items, l->count + 1, sizeof(*l->items));

	if (!grown) {
		task_group_free(group);
		return;
	}
	l->items = grown;
	l->items[l->count++] = group;
}

static int compare_age(const void *a, const void *b)
{
	const struct task_group *x = *(struct task_group *const *)a;
	const struct task_group *y = *(struct task_group *const *)b;

	return x->created < y->created ? -1 : x->created > y->created;
}

/* The clock that its times count on is another one. */
static void take_boot(const struct task_table *table, struct task_group *group)
{
	if (str_eq(group->boot_id, table->boot_id) ||
		str_set(&group->boot_id, table->boot_id) < 0)
		return;
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task *task = &group->tasks.items[i];

		task->end.kill_ms = task->restart_ms = 0;
		task->launched_ms = task->launched_ms ? task_now_ms() : 0;
		task->started_ms = task->started_ms ? task_now_ms() : 0;
	}
	group->version++;
}

int task_table_recover(struct agent *agent, struct err *err)
{
	struct task_table *table = agent->tasks;
	struct loading l = { 0 };
	int r = task_ledger_load(table->ledger, take_group, complain, &l, err);

	if (l.count)
		qsort(l.items, l.count, sizeof(l.items[0]), compare_age);
	for (size_t i = 0; i < l.count; i++) {
		struct task_group *group = l.items[i];

		take_boot(table, group);
		/* Two records of one task are not written by us: the older one has it. */
		if (task_table_add(table, group) < 0)
			continue;
		task_table_save(table, group);
		task_group_wake(group);
	}
	free(l.items);
	return r;
}
