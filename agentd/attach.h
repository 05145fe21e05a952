/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of a shim: joins the caller's standard input, output and error to a
 * container's until it ends or the person detaches. Signals that reach the caller go to
 * the task; the second interrupt kills it. A terminal is put into raw mode and always put
 * back.
 */
#ifndef UCR_AGENTD_ATTACH_H
#define UCR_AGENTD_ATTACH_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Connects to the shim of a running container. The fd, or -errno. */
int attach_connect(int container_dirfd, struct err *err)
	__attribute__((warn_unused_result));

struct attach_stream;

struct attach_options {
	int fd; /* the connection; stays the caller's */
	struct attach_stream
		*stream;     /* instead of it, to the shim of an agent; or NULL */
	int pidfd;	     /* the task, for signals; -1: none are forwarded */
	bool sends_signals;  /* they go by the connection, there is no pidfd */
	bool has_terminal;   /* the container has one */
	bool is_interactive; /* standard input goes to it */
	bool detach_by_keys; /* ctrl-p ctrl-q leaves it running */
};

enum attach_end {
	ATTACH_EXITED,
	ATTACH_DETACHED, /* by keys */
	ATTACH_LOST,	 /* the shim vanished */
};

struct attach_outcome {
	enum attach_end end;
	int exit_status, signal;
	uint64_t dropped_bytes; /* output that this client was too slow for */
};

int attach_run(const struct attach_options *options, struct attach_outcome *ret,
	struct err *err) __attribute__((warn_unused_result));

/* After ATTACH_EXITED: tells the shim that the caller does the clean-up itself. */
void attach_release(int fd);

#endif
