/* SPDX-License-Identifier: Apache-2.0 */
/* Of a launch, for its parts: launch.c and launch-directory.c. */
#ifndef UCR_AGENTD_LAUNCH_PRIVATE_H
#define UCR_AGENTD_LAUNCH_PRIVATE_H

#include "agentd/bundle-secrets.h"
#include "agentd/launch-group.h"
#include "agentd/launch-ids.h"
#include "agentd/launch-nested.h"
#include "agentd/launch-network.h"
#include "agentd/launch-root.h"
#include "agentd/launch.h"

/* Everything that a launch holds until the container runs. */
struct launching {
	struct engine *engine;
	const struct launch_request *request;
	struct bundle_request bundle_request;
	struct bundle bundle;
	struct notes notes;
	char *dir_path, *init_path;
	struct container *container;
	int supervision_fd;
	struct launch_root root;
	struct launch_network network;
	struct id_pool pool;
	struct bundle_secrets secrets;
	struct launch_nested nested;
	struct launch_group group;
};

/* Those of another container; NULL: it has its own, or the host's. */
const struct id_range *launch_shared_ids(const struct launching *launching);

/* All that is on the disk before there is a process. On failure the network is given back; the rest is
 * the caller's to remove. */
int launch_fill_directory(struct launching *launching, struct err *err)
	__attribute__((warn_unused_result));
/* What launch_make() keeps of it. */
int launch_make_directory(struct launching *launching, struct err *err)
	__attribute__((warn_unused_result));

#endif
