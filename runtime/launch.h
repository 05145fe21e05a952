/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process on its way into a container: a container's first one, or an exec. The
 * launcher fills the struct, clones, and then stands by the child over a socket
 * (runtime/sync.h); the child reads its own copy of the same struct.
 */
#ifndef UCR_RUNTIME_LAUNCH_H
#define UCR_RUNTIME_LAUNCH_H

#include "isolators/isolator.h"
#include "runtime/place.h"
#include "runtime/runtime.h"
#include "runtime/sync.h"

struct launch {
	struct isolation isolation;
	const struct runtime_state *state; /* what hooks are told */
	int stdio_fds[3];		   /* -1: null_fd */
	int null_fd;			   /* the host's /dev/null */
	int preserve_fds;
	struct place place;
	int lock_fd;   /* held by the launcher alone */
	int listen_fd; /* start.sock; -1: only the launcher starts it */
	int parent_fd, child_fd;
	pid_t pid;
	int pidfd;
	int target_pidfd; /* of an exec: the first process, whose namespaces are joined */
};

#define LAUNCH_INIT                                                                      \
	{                                                                                \
		.isolation = ISOLATION_INIT, .stdio_fds = { -1, -1, -1 }, .null_fd = -1, \
		.lock_fd = -1, .listen_fd = -1, .parent_fd = -1, .child_fd = -1,         \
		.pidfd = -1, .target_pidfd = -1,                                         \
	}

/* Never returns in the child. */
typedef void launch_child_fn(struct launch *launch);

/* Clones the child, into the cgroup where the kernel can, through an intermediate process
 * where namespaces must be joined first. Fills pid and pidfd. */
int launch_clone(struct launch *launch, launch_child_fn *child, struct err *err)
	__attribute__((warn_unused_result));

/* Does for the cloned child what only the outside may: id maps, limits, cgroups. */
int launch_place(struct launch *launch, unsigned int stages, struct err *err)
	__attribute__((warn_unused_result));

/* Compiles the system call filter and sends it. The child is at work meanwhile. */
int launch_send_filter(struct launch *launch, struct err *err)
	__attribute__((warn_unused_result));

/* Takes the child's notes and what it does before SYNC_READY; the console's master, or
 * -1, is written to `ret_console_fd`. */
int launch_await_ready(struct launch *launch, int *ret_console_fd, struct err *err)
	__attribute__((warn_unused_result));

/* Takes the descriptor by which a supervisor decides system calls (SCMP_ACT_NOTIFY). The
 * program may already wait for a verdict, so it goes on at once. */
typedef int launch_listener_fn(void *arg, int listener_fd, struct err *err);

/* Waits until the program was executed: the child's end of the socket closes. */
int launch_await_exec(int fd, launch_listener_fn *take_listener, void *arg,
	struct err *err) __attribute__((warn_unused_result));

/* What launch_listener_fn comes down to: the supervisor at linux.seccomp.listenerPath. */
int launch_send_listener(const struct spec *spec, const struct runtime_state *state,
	pid_t pid, int listener_fd, struct err *err) __attribute__((warn_unused_result));

/* Why a launch failed: what the child had to say, if it ended by itself, else `r`. A child that
 * gives up while we still speak to it is otherwise only a broken pipe. */
int launch_verdict(struct launch *launch, int r, struct err *err)
	__attribute__((warn_unused_result));

/* Kills and reaps a child whose launch failed. */
void launch_abort(struct launch *launch);

/* Releases what the struct owns: the sockets, the lock, the pidfds, the place. */
void launch_done(struct launch *launch);

/* The two children (runtime/child-init.c, runtime/child-exec.c). */
void child_init(struct launch *launch) __attribute__((noreturn));
void child_exec(struct launch *launch) __attribute__((noreturn));

#endif
