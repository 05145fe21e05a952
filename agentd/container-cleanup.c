/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-asked.h"
#include "agentd/container-names.h"
#include "agentd/container-private.h"
#include "agentd/container-nested.h"
#include "agentd/container-network.h"
#include "agentd/container-usage.h"
#include "agentd/engine-steps.h"
#include "agentd/launch-ids.h"

#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"
#include "isolators/userns.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define KILL_AGAIN_MS 20
#define CLAIM_NS 5000000
#define CLAIM_LOOKS 1000
#define USAGE_UNKNOWN 0xff /* each byte: every value becomes UINT64_MAX */

static void append_die(struct engine *engine, const struct container *c)
{
	struct event event = {
		.type = "die",
		.id = c->id,
		.name = c->name,
		.image = c->image,
	};
	int r = 0;

	if (c->status == CONTAINER_EXITED)
		r = strv_take(&event.attributes,
			str_printf("exit_status=%d", c->end.exit_status));
	if (r == 0 && c->end.signal)
		r = strv_take(&event.attributes, str_printf("signal=%d", c->end.signal));
	if (r == 0)
		events_append(engine, &event);
	strv_free(event.attributes);
	if (c->end.is_oom_killed)
		events_append(engine, &(struct event){ .type = "oom",
					      .id = c->id,
					      .name = c->name,
					      .image = c->image });
}

/* The kernel's out-of-memory killer sends SIGKILL; a shell in between makes it a status.
 */
static bool was_oom_killed(
	const struct container_end *end, const struct cgroup_usage *usage)
{
	return usage->oom_kills != UINT64_MAX && usage->oom_kills > 0 &&
	       (end->signal == SIGKILL || end->exit_status == 128 + SIGKILL);
}

static void take_final_usage(struct engine *engine, struct container *c)
{
	struct cgroup_usage usage;
	struct err ignored;

	if (!c->end.finished)
		c->end.finished = timestamp_now();
	memset(&usage, USAGE_UNKNOWN, sizeof(usage));
	if (container_usage(engine, c, &usage, &ignored) < 0)
		memset(&usage, USAGE_UNKNOWN, sizeof(usage));
	c->end.is_oom_killed = was_oom_killed(&c->end, &usage);
	c->end.oom_kills = usage.oom_kills;
	c->end.memory_limit_bytes = usage.memory_limit_bytes;
	c->end.memory_peak_bytes = usage.memory_peak_bytes;
	if (!c->is_auto_removed)
		(void)!container_write_final(c, &usage, &ignored);
}

/* An auto-removed container leaves nothing to read its usage from, and only a killed one
 * can have been killed for want of memory: the common end costs no look at the cgroup. */
static bool needs_usage(const struct container *c)
{
	return !c->is_auto_removed || c->end.signal == SIGKILL ||
	       c->end.exit_status == 128 + SIGKILL;
}

static int finish(struct engine *engine, struct container *c, struct err *err)
{
	struct notes notes = { 0 };
	int r;

	if (needs_usage(c))
		take_final_usage(engine, c);
	r = engine_step(STEP_END_USAGE, err);
	if (r < 0)
		return r;
	append_die(engine, c);
	r = engine_step(STEP_END_TOLD, err);
	if (r == 0)
		r = container_release_network(engine, c, err);
	if (r == 0)
		r = engine_step(STEP_END_NETWORK, err);
	if (r == 0)
		r = container_await_launches(c, err);
	if (r == 0)
		r = runtime_delete(c->dirfd, true, &notes, err);
	if (r == 0 && container_has_children(c))
		r = container_remove_children(engine, c, err);
	if (r == 0)
		r = engine_step(STEP_END_DELETED, err);
	notes_done(&notes);
	if (r == 0) {
		/* What may be started again keeps those that its files have. */
		if (!container_asked_can_start(c->dirfd))
			container_release_ids(engine, c);
		c->needs_cleanup = false;
	}
	return r;
}

static bool has_ended(const struct container *c)
{
	return c->status == CONTAINER_EXITED || c->status == CONTAINER_LOST;
}

int container_cleanup(struct engine *engine, struct container *container, struct err *err)
{
	cleanup_close int lock_fd = container_lock(container);
	int r;

	if (lock_fd == -ENOENT)
		return 0;
	if (lock_fd < 0)
		return err_set(err, -lock_fd, "lock container %.*s", CONTAINER_SHORT_ID,
			container->id);
	r = container_refresh(container, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || !has_ended(container))
		return r;
	if (container->needs_cleanup) {
		r = finish(engine, container, err);
		if (r < 0)
			return err_wrap(err, "clean up container %.*s",
				CONTAINER_SHORT_ID, container->id);
	}
	return container->is_auto_removed ? container_erase(engine, container, err) : 0;
}

/* A user's containers hold files of subordinate ids, which only the root of a namespace
 * that maps them may remove. */
static int remove_tree_rootless(int dirfd, const char *name, struct err *err)
{
	cleanup_close int userns_fd = -1;
	int status = 0, r;
	pid_t pid;

	if (fd_remove_tree(dirfd, name) == 0)
		return 0;
	r = userns_open_rootless(&userns_fd, err);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0) {
		r = userns_enter(userns_fd, NULL);
		if (r == 0)
			r = fd_remove_tree(dirfd, name);
		_exit(r == 0 ? 0 : -r & 0x7f);
	}
	if (waitpid(pid, &status, 0) < 0)
		return err_set(err, errno, "wait");
	if (status == 0)
		return 0;
	return err_set(
		err, WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "remove %s", name);
}

int container_erase_gone(struct engine *engine, const char *gone, struct err *err)
{
	int dirfd = engine_containers_dirfd(engine);
	int r;

	if (engine_is_rootless(engine))
		return remove_tree_rootless(dirfd, gone, err);
	r = fd_remove_tree(dirfd, gone);
	return r < 0 ? err_set(err, -r, "remove %s/containers/%s",
			       engine_root_path(engine), gone)
		     : 0;
}

/* First out of sight under another name, then piece by piece: nobody meets half a
 * container. */
int container_erase(
	struct engine *engine, const struct container *container, struct err *err)
{
	int dirfd = engine_containers_dirfd(engine);
	char gone[CONTAINER_ID_MAX + sizeof(CONTAINER_GONE_PREFIX)];
	int r = container_release_network(engine, container, err);

	if (r < 0)
		return r;
	container_release_ids(engine, container);
	container_name_release(
		engine, container_parent(container), container->name, container->id);
	r = engine_step(STEP_REMOVE_NAME, err);
	if (r < 0)
		return r;
	(void)snprintf(gone, sizeof(gone), CONTAINER_GONE_PREFIX "%s", container->id);
	if (renameat(dirfd, container->id, dirfd, gone) < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "remove container %.*s",
						 CONTAINER_SHORT_ID, container->id);
	events_append(engine, &(struct event){ .type = "remove",
				      .id = container->id,
				      .name = container->name,
				      .image = container->image });
	if (container_parent(container))
		container_disown(engine, container_parent(container), container->id);
	r = engine_step(STEP_REMOVE_HIDDEN, err);
	return r < 0 ? r : container_erase_gone(engine, gone, err);
}

int container_abandon(
	struct engine *engine, const struct container *container, struct err *err)
{
	int r = runtime_delete(container->dirfd, true, NULL, err);

	return r < 0 ? r : container_erase(engine, container, err);
}

/* One that is still being created can be killed only once it runs. */
static int end_it(struct engine *engine, struct container *container, struct err *err)
{
	int r;

	do {
		r = container_kill(engine, container, SIGKILL, err);
		if (r < 0 && r != -ESRCH)
			return r;
		r = container_wait(engine, container, r < 0 ? KILL_AGAIN_MS : -1, err);
	} while (r == -ETIMEDOUT);
	return r;
}

static int say_busy(const struct container *container, struct err *err)
{
	(void)err_say(err, EBUSY, "container %.*s is %s", CONTAINER_SHORT_ID,
		container->id, container_status_name(container->status));
	return err_hint(err, "stop it first, or use --force");
}

/*
 * One that was made to be started can be started again meanwhile: with its supervision held nobody
 * does. Whoever cleaned up after the last run holds that for a moment still. -ENOENT: it is gone.
 */
static int claim_ended(struct container *container, int *ret_fd, struct err *err)
{
	const struct timespec a_moment = { .tv_nsec = CLAIM_NS };
	int fd, r;

	if (!container_asked_can_start(container->dirfd))
		return 0;
	for (int i = 0; i < CLAIM_LOOKS; i++) {
		fd = container_supervise(container->dirfd);
		if (fd >= 0)
			*ret_fd = fd;
		r = container_refresh(container, err);
		/* Our own hold of it looks like a supervisor's. */
		if (r == 0 &&
			(container->pid || (fd < 0 && container_is_live(container))))
			return say_busy(container, err);
		if (r < 0 || fd >= 0)
			return r;
		(void)nanosleep(&a_moment, NULL);
	}
	return err_say(err, EBUSY, "container %.*s is being started or cleaned up",
		CONTAINER_SHORT_ID, container->id);
}

int container_remove(
	struct engine *engine, struct container *container, bool force, struct err *err)
{
	cleanup_close int lock_fd = -1, supervision_fd = -1;
	int r;

	if (container_is_live(container)) {
		if (!force)
			return say_busy(container, err);
		r = end_it(engine, container, err);
		if (r < 0)
			return r;
	}
	r = container_cleanup(engine, container, err);
	if (r < 0)
		return r;
	lock_fd = container_lock(container);
	if (lock_fd == -ENOENT)
		return 0;
	r = claim_ended(container, &supervision_fd, err);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : container_erase(engine, container, err);
}
