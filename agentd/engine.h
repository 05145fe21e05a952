/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: what `ucrctl run` and the agent have in common. It owns a directory of
 * containers and an image store, turns (image, options) into a bundle, launches it under
 * a shim, and folds `state`, usage and `exit` into a status. It keeps nothing in memory
 * that it could not read back: any number of engines work on one directory at once.
 *
 *   <root>/containers/ID/   container.json config.json state.json exit usage log attach.sock
 *                           upper/ work/ rootfs/ sandbox/
 *   <root>/names/NAME       -> ID (a symbolic link, so that taking a name is atomic)
 *   <root>/images/          the store
 *   <root>/networks/         bridge/ADDRESS -> ID
 *   <root>/volumes/NAME/    persistent volumes; agentd/volume.h
 *   <root>/fetch-cache/     downloads that tasks share
 *   <root>/events           one JSON object a line
 */
#ifndef UCR_AGENTD_ENGINE_H
#define UCR_AGENTD_ENGINE_H

#include "common/err.h"
#include "images/store.h"

#include <stdbool.h>

struct engine;

#define cleanup_engine cleanup_with(engine_free_ptr)

/* `root_path` NULL: /var/lib/ucr, or $XDG_DATA_HOME/ucr for a user. `libexec_path` NULL:
 * where ucr-shim, ucr-unpack, ucr-net and ucr-init are: beside the running program when they are
 * there (an uninstalled build), else the installed place. */
struct engine_options {
	const char *root_path;
	const char *libexec_path;
};

/* Where the companions of the running program are. Ask before runtime_protect_self(): a
 * protected copy no longer knows where it came from. */
int engine_find_libexec(char **ret, struct err *err) __attribute__((warn_unused_result));

/* The root directory where none is named. */
int engine_default_root(char **ret, struct err *err) __attribute__((warn_unused_result));

/* Makes the root directory on first use. */
int engine_open(const struct engine_options *options, struct engine **ret,
	struct err *err) __attribute__((warn_unused_result));
void engine_free(struct engine *engine);
static inline void engine_free_ptr(struct engine **engine)
{
	engine_free(*engine);
}

/* The image store, opened when first asked for; it stays the engine's. */
int engine_store(struct engine *engine, struct store **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Borrowed, as long as the engine lives. */
const char *engine_root_path(const struct engine *engine);
const char *engine_libexec_path(const struct engine *engine);
int engine_containers_dirfd(const struct engine *engine);
int engine_names_dirfd(const struct engine *engine);

/* The end of the pair by which clients reach the ucr-net that the agent keeps
 * (agentd/net-proto.h), borrowed; -1: there is none. */
void engine_set_net_fd(struct engine *engine, int fd);
int engine_net_fd(const struct engine *engine);

/* Whether the bridge's own address answers names, which containers are then told to ask. */
void engine_serve_names(struct engine *engine, bool is_on);
bool engine_serves_names(const struct engine *engine);

/* The caller is not root: containers get a user namespace, limits only what was
 * delegated. */
bool engine_is_rootless(const struct engine *engine);

#endif
