/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that is first the runtime and then the shim: the half of a launch that goes on
 * without its caller.
 */
#ifndef UCR_AGENTD_SUPERVISOR_H
#define UCR_AGENTD_SUPERVISOR_H

#include "agentd/launch.h"
#include "runtime/runtime.h"

struct supervisor {
	struct engine *engine;
	bool has_terminal, is_interactive, is_detached, is_session;
	int client_fd; /* the foreground client's, that there is already; 0: none */

	/* What the child does to get its process: 0, an outcome or -errno. `stdio_fds` are the
	 * process's own ends. */
	int (*start)(const struct supervisor *supervisor, const int stdio_fds[3],
		struct notes *notes, struct runtime_container *ret, struct err *err);
	void *arg;

	/* A container's own (-1, NULL: an exec'ed process has none). */
	int container_dirfd;
	int record_dirfd; /* that one's, where its end is written; 0: nowhere */
	int held_fds
		[2]; /* kept open by the shim: the supervision lock, the image's lease */
	const int *port_fds; /* and these, which hold its published ports */
	size_t port_fd_count;
	const int *volume_fds; /* and these, by which its volumes are in use */
	size_t volume_fd_count;
	const char *id; /* for the clean-up and the "start" event */
	const char *name, *image;
	uint64_t log_bytes;
	uint32_t log_files;
};

/* Forks the child and waits for its report. On failure the child is gone. */
int supervisor_run(const struct supervisor *supervisor, struct launched *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
