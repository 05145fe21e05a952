/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: what `ucrctl run` and the agent have in common. It owns a directory of containers
 * and an image store, turns (image, options) into a bundle, launches it under a shim, and folds
 * `state`, usage and `exit` into a status. It keeps nothing in memory that it could not read
 * back: any number of engines work on one directory at once.
 *
 *   <root>/containers/ID/   container.json config.json state.json exit log upper/ work/ rootfs/
 *   <root>/names/NAME       -> ID (a symbolic link, so that taking a name is atomic)
 *   <root>/images/          the store
 *   <root>/events           one JSON object a line
 */
#ifndef UCR_AGENTD_ENGINE_H
#define UCR_AGENTD_ENGINE_H

#include "common/err.h"
#include "images/store.h"

struct engine;

/* `root_path` NULL: /var/lib/ucr, or $XDG_DATA_HOME/ucr for a user. `libexec_path`: where
 * ucr-shim, ucr-unpack and ucr-init are. */
struct engine_options {
	const char *root_path;
	const char *libexec_path;
};

int engine_open(const struct engine_options *options, struct engine **ret, struct err *err)
	__attribute__((warn_unused_result));
void engine_free(struct engine *engine);
struct store *engine_store(struct engine *engine);

#endif
