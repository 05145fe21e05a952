/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing, signalling and killing all that is inside. Nothing forks while frozen, so
 * that a list of processes that was read then is whole.
 */
#include "isolators/cgroup-members.h"
#include "isolators/cgroup-tree.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A process in an uninterruptible sleep dies when the kernel lets it; that can be never.
 */
#define KILL_TIMEOUT_MS 10000

int cgroup_freeze(struct cgroup *cgroup, bool is_on, struct err *err)
{
	const struct cgroup_part *anchor = cgroup_anchor(cgroup);

	if (!(anchor->hierarchy->controllers & CGROUP_FREEZER))
		return cgroup_controller_missing(CGROUP_FREEZER, cgroup->host, err);
	return anchor->hierarchy->backend->freeze(anchor, is_on, err);
}

static int signal_members(const struct cgroup_part *anchor, int signal)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	int first = 0, r;

	r = cgroup_members(anchor->dirfd, &pids, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (kill(pids[i], signal) < 0 && errno != ESRCH && !first)
			first = -errno;
	}
	return first;
}

/* The members are listed and signalled in a frozen moment; where freezing fails (there is
 * no freezer, or a process is stuck) it is done all the same, and killing repeats it. */
static int signal_frozen(const struct cgroup_part *anchor, int signal)
{
	const struct cgroup_backend *backend = anchor->hierarchy->backend;
	bool can_freeze = anchor->hierarchy->controllers & CGROUP_FREEZER;
	bool is_paused = can_freeze && backend->is_frozen(anchor);
	int r;

	if (can_freeze && !is_paused)
		(void)backend->freeze(anchor, true, NULL);
	r = signal_members(anchor, signal);
	/* A paused container stays paused, unless the signal is to end it. */
	if (can_freeze && (!is_paused || signal == SIGKILL))
		(void)backend->freeze(anchor, false, NULL);
	return r;
}

int cgroup_signal(struct cgroup *cgroup, int signal, struct err *err)
{
	int r = signal_frozen(cgroup_anchor(cgroup), signal);

	return r < 0 ? err_set(err, -r, "signal the processes of cgroup %s", cgroup->path)
		     : 0;
}

/* The letter after "pid (name)" in /proc/PID/stat; the name may hold anything. */
static char process_state(int proc_dirfd, pid_t pid)
{
	char name[32], text[512];
	const char *end;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	if (fd_read_kernel_file(proc_dirfd, name, text, sizeof(text)) < 0)
		return '?';
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : '?';
}

static int say_alive(struct cgroup *cgroup, struct err *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	char state = '?';

	if (cgroup_pids(cgroup, &pids, &count, NULL) == 0 && count)
		state = process_state(cgroup->host->proc_dirfd, pids[0]);
	if (!count)
		return err_say(err, ETIMEDOUT,
			"cgroup %s is not empty although all was killed", cgroup->path);
	(void)err_say(err, ETIMEDOUT,
		"cgroup %s: %zu process%s still there %d seconds after the kill, such as %d (%c)",
		cgroup->path, count, count == 1 ? "" : "es", KILL_TIMEOUT_MS / 1000,
		(int)pids[0], state);
	if (state == 'D')
		return err_hint(err,
			"it waits inside the kernel, for a disk or a network file "
			"system perhaps, and ends when that answers");
	return -ETIMEDOUT;
}

int cgroup_kill(struct cgroup *cgroup, struct err *err)
{
	const struct cgroup_part *anchor = cgroup_anchor(cgroup);
	const struct cgroup_backend *backend = anchor->hierarchy->backend;
	uint64_t deadline = cgroup_now_ms() + KILL_TIMEOUT_MS;
	unsigned int usec = 100;
	int r;

	while (backend->is_populated(anchor)) {
		r = backend->kill(anchor);
		if (r == -EOPNOTSUPP)
			r = signal_frozen(anchor, SIGKILL);
		if (r == -ENODEV || r == -ENOENT)
			return 0; /* removed meanwhile */
		if (r < 0)
			return err_set(
				err, -r, "kill the processes of cgroup %s", cgroup->path);
		if (!backend->is_populated(anchor))
			return 0;
		if (!cgroup_wait(deadline, &usec))
			return say_alive(cgroup, err);
	}
	return 0;
}
