/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's fields, for the files of agentd/ that implement it. */
#ifndef UCR_AGENTD_ENGINE_PRIVATE_H
#define UCR_AGENTD_ENGINE_PRIVATE_H

#include "agentd/engine.h"

#include "isolators/cgroup.h"

struct engine {
	char *root_path, *libexec_path;
	int root_dirfd, containers_dirfd, names_dirfd;
	int events_fd; /* -1 until an event is appended */
	int net_fd;    /* borrowed; -1: no ucr-net is kept */
	bool serves_names;
	struct store *store;
	struct cgroup_host *cgroups; /* NULL until a cgroup is looked at */
};

#endif
