/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that writes records. All that waits goes through each step together: the first flush
 * of a batch carries most of what the others need with it.
 */
#include "agentd/task-ledger-private.h"

#include "agentd/engine-private.h"
#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/fd.h"
#include "common/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#define BATCH_MAX 64
#define RESERVE_NAME ".reserve"
#define RESERVE_BYTES                                                                    \
	(4 << 20) /* given up when the disk is full: an end is then still told */

struct entry {
	struct task_ledger_order order;
	bool is_removal;
	char *record;
	size_t len;
	char tmp[32];
	int fd, r;
};

struct writing {
	const struct task_ledger_writer *writer;
	struct ipc_msg msg;
	struct entry batch[BATCH_MAX];
	size_t count;
	bool is_reserve_used;
};

/* ---- the disk ---- */

static void keep_reserve(struct writing *w)
{
	cleanup_close int fd = openat(w->writer->dirfd, RESERVE_NAME,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	w->is_reserve_used = fd < 0 || posix_fallocate(fd, 0, RESERVE_BYTES) != 0;
	if (fd >= 0 && w->is_reserve_used)
		(void)unlinkat(w->writer->dirfd, RESERVE_NAME, 0);
}

static int write_tmp(const struct writing *w, struct entry *e)
{
	int r = fail_point("task-record");

	if (r < 0)
		return r;
	fd_random_name(TASK_LEDGER_TMP, e->tmp, sizeof(e->tmp));
	e->fd = openat(w->writer->dirfd, e->tmp,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->fd < 0)
		return -errno;
	r = fd_write_all(e->fd, e->record, e->len);
	if (r < 0) {
		(void)close(take_fd(&e->fd));
		(void)unlinkat(w->writer->dirfd, e->tmp, 0);
	}
	return r;
}

/* New work is refused when the disk is full, before what is running needs the last of it. */
static int write_first(struct writing *w, struct entry *e)
{
	int r = write_tmp(w, e);

	if ((r != -ENOSPC && r != -EDQUOT) || !e->order.since ||
		unlinkat(w->writer->dirfd, RESERVE_NAME, 0) < 0)
		return r;
	w->is_reserve_used = true;
	return write_tmp(w, e);
}

static int put_in_place(const struct writing *w, struct entry *e)
{
	char name[TASK_RECORD_NAME_MAX];
	int dirfd = w->writer->dirfd, r = e->r;

	task_record_name(e->order.id, name);
	if (e->is_removal)
		return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	if (r == 0 && fsync(e->fd) < 0)
		r = -errno;
	if (e->fd < 0)
		return r;
	(void)close(take_fd(&e->fd));
	if (r == 0 && renameat(dirfd, e->tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, e->tmp, 0);
	return r;
}

/* What is refused must not be there for the next agent. */
static void take_back(const struct writing *w, struct entry *e, int r)
{
	char name[TASK_RECORD_NAME_MAX];

	if (e->r < 0)
		return;
	e->r = r;
	if (e->is_removal || e->order.since)
		return;
	task_record_name(e->order.id, name);
	(void)unlinkat(w->writer->dirfd, name, 0);
}

static void write_batch(struct writing *w)
{
	int r;

	for (size_t i = 0; i < w->count; i++) {
		struct entry *e = &w->batch[i];

		if (e->is_removal || e->r < 0)
			continue;
		e->r = write_first(w, e);
		if (e->r == 0)
			(void)sync_file_range(e->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	for (size_t i = 0; i < w->count; i++)
		w->batch[i].r = put_in_place(w, &w->batch[i]);
	r = fail_point("task-flush");
	if (r == 0 && fsync(w->writer->dirfd) < 0)
		r = -errno;
	for (size_t i = 0; r < 0 && i < w->count; i++)
		take_back(w, &w->batch[i], r);
}

/* ---- what is told ---- */

static void add(struct event *event, const char *key, const char *value)
{
	if (value)
		(void)!strv_take(&event->attributes, str_printf("%s=%s", key, value));
}

static void append_event(const struct writing *w, const struct task *task,
	const struct task_status *status)
{
	struct event event = { .time = status->time,
		.type = "task",
		.id = task->container,
		.name = task->spec.id,
		.image = task->spec.image };

	add(&event, "state", task_state_name((enum task_state)status->state));
	add(&event, "uuid", status->uuid);
	add(&event, "reason", status->reason);
	add(&event, "message", status->message);
	events_append(w->writer->engine, &event);
	strv_free(event.attributes);
}

static void append_events(const struct writing *w, const struct entry *e)
{
	cleanup_task_group struct task_group *group = NULL;
	struct err ignored;

	if (task_group_parse(e->record, e->len, &group, &ignored) < 0)
		return;
	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		for (size_t n = 0; n < task->statuses.count; n++) {
			if (task->statuses.items[n].version > e->order.since)
				append_event(w, task, &task->statuses.items[n]);
		}
	}
}

static int tell(const struct writing *w, const struct entry *e)
{
	struct task_ledger_outcome outcome = { e->order.version, e->r, "" };

	if (e->is_removal)
		return 0;
	memcpy(outcome.id, e->order.id, sizeof(outcome.id));
	if (e->r == 0)
		append_events(w, e);
	/* An agent that is gone does not keep the rest from being written. */
	(void)!ipc_send(w->writer->fd, LEDGER_DONE, &outcome, sizeof(outcome), NULL, 0);
	return 0;
}

/* ---- the process ---- */

static int take(struct writing *w)
{
	struct entry *e = &w->batch[w->count];

	if (w->msg.len != sizeof(e->order))
		return -EPROTO;
	*e = (struct entry){ .fd = -1, .is_removal = w->msg.type == LEDGER_REMOVE };
	memcpy(&e->order, w->msg.data, sizeof(e->order));
	if (!e->is_removal)
		e->r = w->msg.fd_count == 1
			       ? fd_read_all(w->msg.fds[0], SIZE_MAX, &e->record, &e->len)
			       : -EPROTO;
	w->count++;
	return 0;
}

/* One at least, and all that wait behind it. 0: there will be no more. */
static int receive(struct writing *w)
{
	struct pollfd more = { .fd = w->writer->fd, .events = POLLIN };
	int r;

	do {
		r = ipc_recv(w->writer->fd, &w->msg);
		if (r <= 0)
			break;
		r = take(w);
		ipc_msg_done(&w->msg);
	} while (r == 0 && w->count < BATCH_MAX && poll(&more, 1, 0) == 1);
	return w->count ? 1 : r;
}

static void serve(struct writing *w)
{
	keep_reserve(w);
	while (receive(w) > 0) {
		write_batch(w);
		for (size_t i = 0; i < w->count; i++) {
			(void)tell(w, &w->batch[i]);
			free(w->batch[i].record);
		}
		w->count = 0;
		if (w->is_reserve_used)
			keep_reserve(w);
	}
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What is the agent's own: a client, a container's stream, a lock. */
static void close_others(const struct task_ledger_writer *writer)
{
	int kept[] = { 2, writer->engine->root_dirfd, writer->dirfd, writer->fd,
		writer->lock_fd };
	const size_t count = sizeof(kept) / sizeof(kept[0]);

	writer->engine->events_fd = -1;
	qsort(kept, count, sizeof(kept[0]), compare);
	for (size_t i = 0; i < count; i++) {
		unsigned int first = (unsigned int)kept[i] + 1;
		unsigned int last = i + 1 < count ? (unsigned int)kept[i + 1] - 1 : ~0U;

		if (first <= last)
			(void)close_range(first, last, 0);
	}
}

void task_ledger_write(const struct task_ledger_writer *writer)
{
	struct writing *w = calloc(1, sizeof(*w));

	(void)prctl(PR_SET_NAME, "ucr-tasks");
	/* It ends when the agent has: a signal to the whole service is for that one. */
	(void)signal(SIGPIPE, SIG_IGN);
	close_others(writer);
	if (!w)
		_exit(EXIT_FAILURE);
	w->writer = writer;
	serve(w);
	_exit(EXIT_SUCCESS);
}
