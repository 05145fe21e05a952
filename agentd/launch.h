/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a container, or a process in one, under a shim.
 *
 * The caller forks; the child, in a session of its own, is the runtime: it creates and
 * starts the container, reports, and becomes ucr-shim by execve(2), which keeps it the
 * parent. What the caller does afterwards, or whether it lives, no longer matters to the
 * container.
 */
#ifndef UCR_AGENTD_LAUNCH_H
#define UCR_AGENTD_LAUNCH_H

#include "agentd/bundle-exec.h"
#include "agentd/bundle.h"
#include "agentd/container.h"
#include "images/import.h"

struct launched {
	pid_t pid;
	int pidfd;
	int attach_fd; /* the foreground connection to the shim; -1 when detached */
	strv notes;    /* sentences for the person: what could not be honoured */
};

#define LAUNCHED_INIT                                                                    \
	{                                                                                \
		.pidfd = -1, .attach_fd = -1                                             \
	}
#define cleanup_launched cleanup_with(launched_done)

void launched_done(struct launched *launch);

struct launch_request {
	const struct image *image;
	const char *image_name; /* what the person wrote, for ps */
	const struct run_options *options;
	const struct pull_options *pull_options; /* for URIs; may be NULL */
	const int *volume_fds; /* see struct bundle_request; held while it runs */
	size_t volume_fd_count;
	/* Those of another container that it shares, which are not given back with it. */
	const struct id_range *shared_ids;
	const struct container *parent; /* that it shall be in; NULL: none */
	const struct container *holder; /* agentd/launch-group.h; NULL: none */
	const int *
		news_fd; /* an agent's, for has_nesting (agentd/launch-nested.h); NULL: there is
			     * no agent, and that is refused */

	/* What launch_make() keeps, and what is then started: */
	const struct agent_call *asked;
	const struct container *made;
	int client_fd; /* the foreground connection of that, for the shim; 0: none */
};

/*
 * Makes the container of a stored image and starts it. On failure nothing is left. An outcome
 * above 0 (RUNTIME_NO_PROGRAM, RUNTIME_NOT_EXECUTABLE) is a failure too, of the program itself:
 * `err` is set, and it is the exit status to give.
 */
int launch_container(struct engine *engine, const struct launch_request *request,
	struct container **ret, struct launched *ret_launch, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Makes the container and its name, and starts nothing. launch_container() with it as `made` does,
 * once or again after it has ended; when that fails, it is again as it was made.
 */
int launch_make(struct engine *engine, const struct launch_request *request,
	struct container **ret, strv *ret_notes, struct err *err)
	__attribute__((warn_unused_result));

/* A further process in a running container; outcomes as above. */
int launch_exec(struct engine *engine, struct container *container,
	const struct exec_options *options, struct launched *ret, struct err *err)
	__attribute__((warn_unused_result));

/* config.json as launch_container() would write it, for --dry-run. */
int launch_preview(struct engine *engine, const struct launch_request *request,
	char **ret, struct err *err) __attribute__((warn_unused_result));

#endif
