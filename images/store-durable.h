/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer is whole when it is renamed to its place, but to flush its many files takes as
 * long again as to unpack them, and nobody should wait for that. As long as it was not,
 * layers/HEX/boot is a symbolic link (which has no content to lose) to the id of the boot
 * under which the layer was made. It is whole in the page cache, perhaps not on the disk:
 * under another boot it is as good as absent.
 *
 * An import leaves a process behind that flushes the file system and then removes the
 * links. When that was killed, the next import, collection or launch starts another; when
 * it could not write, nothing is tried again before that.
 */
#ifndef UCR_IMAGES_STORE_DURABLE_H
#define UCR_IMAGES_STORE_DURABLE_H

#include "images/store-private.h"

enum layer_state {
	LAYER_LOST,    /* made under another boot and never flushed */
	LAYER_CACHED,  /* whole as long as this boot lasts */
	LAYER_DURABLE, /* on the disk */
};

/* The kernel's id of this boot; "" when it tells none. */
const char *store_this_boot(struct store *store);

/* Of a layer that is there: `hex` is its name in layers/. */
enum layer_state store_layer_state(struct store *store, const char *hex);

/* Marks the staged layer dirfd/name as LAYER_CACHED. */
int store_mark_cached(struct store *store, int dirfd, const char *name, struct err *err)
	__attribute__((warn_unused_result));

/* Waits for the lock of who flushes or collects layers: on layers/ itself. Closing the
 * descriptor gives it back. */
int store_lock_layers(struct store *store, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));

/* Leaves a process behind that makes the layers durable that are not, unless there are
 * none, or (without `has_new`) one is at it. */
void store_flush_later(struct store *store, bool has_new);

#endif
