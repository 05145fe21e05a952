/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persistent volumes by name: what a task writes there outlives it.
 *
 *   <root>/volumes/NAME/volume.json   {"role", "bytes", "created"}
 *   <root>/volumes/NAME/data/         what containers see, with the ids that they have inside
 *
 * A volume is there whole or not at all: it is made, and goes, under another name. While a
 * container has it, its shim holds a shared lock on data/, so that it is not destroyed. The size
 * is what was set aside for it; nothing here counts what is written.
 */
#ifndef UCR_AGENTD_VOLUME_H
#define UCR_AGENTD_VOLUME_H

#include "agentd/engine.h"

struct volume {
	char *name;
	char *role; /* that alone may use it; "*": everybody */
	uint64_t bytes;
	int64_t created;
};
void volume_done(struct volume *volume);
#define cleanup_volume cleanup_with(volume_done)

/* -EEXIST; -ENOSPC when the file system has not so much left. */
int volume_create(struct engine *engine, const struct volume *volume, struct err *err)
	__attribute__((warn_unused_result));
/* -ENOENT; -EACCES for another role, as with all that follow. */
int volume_grow(struct engine *engine, const char *name, const char *role,
	uint64_t bytes_more, struct err *err) __attribute__((warn_unused_result));
/* -EBUSY while a container has it. */
int volume_destroy(struct engine *engine, const char *name, const char *role,
	struct err *err) __attribute__((warn_unused_result));
/* Removes what was half made, or half removed, by one who was killed. */
void volume_sweep(struct engine *engine);
/* data/, which is in use until the descriptor is closed by everybody who got it. */
int volume_open(struct engine *engine, const char *name, const char *role,
	struct err *err) __attribute__((warn_unused_result));

struct volume_list {
	struct volume *items;
	size_t count;
};
void volume_list_done(struct volume_list *list);
#define cleanup_volume_list cleanup_with(volume_list_done)
/* In no order; one that is destroyed meanwhile may be left out. Released by volume_list_done(). */
int volume_list(struct engine *engine, struct volume_list *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
