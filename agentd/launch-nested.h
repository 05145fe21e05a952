/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container in a container: what it asks for is held against what the one that it is in has. It
 * gets no more of anything, and what it does not ask for it has as that one does:
 *
 *   capabilities, system calls, devices, no new privileges   the parent's, or fewer
 *   limits             a cgroup below the parent's, whose limits hold for all in it together
 *   user namespace     the same ids, so that files in shared volumes have the same owners
 *   user               anybody, where nothing is shared; else the parent's, unless that is root
 *   network            the parent's, or none
 *   files              an image's, or the parent's own root; volumes are paths of the parent's root
 *
 * Paths are the parent's words, and the parent is hostile: they are looked up by a process in its
 * mount namespace, beneath its root, and handed over as detached mounts.
 */
#ifndef UCR_AGENTD_LAUNCH_NESTED_H
#define UCR_AGENTD_LAUNCH_NESTED_H

#include "agentd/launch.h"
#include "runtime/runtime.h"

#define NESTING_DIRECTORY "socket" /* in the container's */
#define NESTING_SOCKET "agent.sock"
#define NESTING_PLACE "/run/ucr"

struct launch_nested {
	struct engine *engine;
	struct run_options options; /* without what the host cannot answer */
	char *const *volumes, *const *devices;
	strv parents;
	struct spec *spec;	    /* the parent's */
	struct runtime_state state; /* the parent's */
	struct id_range ids;	    /* the parent's; count 0: the host's */
	char *user;		    /* that it has to be; NULL: any */
	bool shares_root, shares_network;
	int pidfd, proc_dirfd; /* the parent's first process */
	int network_fd, root_fd;
	int *mount_fds; /* one for each mount of the specification; -1: an ordinary one */
	size_t mount_count;
	int keep_fd;
};

#define LAUNCH_NESTED_INIT                                                               \
	{                                                                                \
		.pidfd = -1, .proc_dirfd = -1, .network_fd = -1, .root_fd = -1,          \
		.keep_fd = -1                                                            \
	}

/* Stands for "no image": the parent's root file system. */
int launch_nested_image(struct image **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Nothing to do for a container that is in none. Else `options` of the launch are to be those of
 * `ret`, which point into `request`. */
int launch_nested_plan(struct engine *engine, const struct launch_request *request,
	struct launch_nested *ret, struct err *err) __attribute__((warn_unused_result));
/* Once the specification is made: restricts it and opens what it shares. */
int launch_nested_bundle(struct launch_nested *nested, struct bundle *bundle,
	struct err *err) __attribute__((warn_unused_result));
/* The parent's hosts and resolv.conf, where its network is shared. */
int launch_nested_files(const struct launch_nested *nested, int dirfd, struct err *err)
	__attribute__((warn_unused_result));

/* Around the creation of its processes: the parent does not end meanwhile unnoticed. */
int launch_nested_begin(struct launch_nested *nested, struct runtime_request *request,
	struct err *err) __attribute__((warn_unused_result));
void launch_nested_created(struct launch_nested *nested);

/* Whether who is in the parent may execute as this user: nobody, where ids are the host's, and
 * where the container has to be somebody, only he. */
int launch_nested_check_exec(const struct container *container, const char *user,
	struct err *err) __attribute__((warn_unused_result));

void launch_nested_done(struct launch_nested *nested);

/* ---- the other side: a container that others may be in ---- */

/* Adds the socket's directory, UCR_HOST and DOCKER_HOST to the specification. */
int nesting_bundle(const struct bundle_request *request, struct spec *spec,
	struct err *err) __attribute__((warn_unused_result));
/* Makes the socket anew, in a directory that is made if needed: a listening descriptor. */
int nesting_listen(int container_dirfd, struct err *err)
	__attribute__((warn_unused_result));
/* The same, and hands it to the agent, once the container has a process. */
int nesting_announce(const struct container *container, int news_fd, struct err *err)
	__attribute__((warn_unused_result));
#define NESTING_NEWS                                                                     \
	1 /* a message with the container's full id and the listening socket */

#endif
