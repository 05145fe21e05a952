/* SPDX-License-Identifier: Apache-2.0 */
/* The user namespace of a container that is being launched. */
#ifndef UCR_AGENTD_LAUNCH_IDS_H
#define UCR_AGENTD_LAUNCH_IDS_H

#include "agentd/bundle.h"
#include "agentd/container.h"

/* Whether the options ask for ids of its own, from `ret_pool`; touches nothing. */
int launch_ids_plan(const struct run_options *options, bool is_rootless, bool *ret_is_own,
	struct id_pool *ret_pool, struct err *err) __attribute__((warn_unused_result));

/* Takes a range into container->ids, once the container has its directory; that of `before`,
 * where its files have one already (else NULL or of count 0). */
int launch_ids_take(struct container *container, const struct id_range *before,
	const struct id_pool *pool, const char *dir_path, struct err *err)
	__attribute__((warn_unused_result));

/* The range that `holder`, a path, has for containers which share one (see struct launch_request), or
 * a new one. Count 0: the options ask for none. */
int launch_ids_share(const struct run_options *options, bool is_rootless,
	const char *holder, struct id_range *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Gives it back; when no process of any of them is left. */
int launch_ids_unshare(const char *holder, struct err *err)
	__attribute__((warn_unused_result));

/* Gives it back; when no process of the container is left. */
void container_release_ids(struct engine *engine, const struct container *container);

#endif
