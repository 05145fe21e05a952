/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmp/: everything unfinished.
 *
 *   lock-NAME       a lock by name; removed by its last holder
 *   import-RANDOM/  an import's staging, flock()ed by its maker as long as that lives
 *   gc-RANDOM/      what gc is removing, the same
 *   file-RANDOM     a file on its way to its place, made and renamed under `lock`
 *   part-HEX        an unfinished download by its digest; kept a day to be gone on with
 *   whole-HEX       a finished one whose image is not stored yet; never written to, kept a day
 *
 * Locks are flock(2): the kernel drops them when the holder dies. What nobody holds is
 * litter.
 */
#ifndef UCR_IMAGES_STORE_TMP_H
#define UCR_IMAGES_STORE_TMP_H

#include "images/store-private.h"

/* A lock by name, as a file tmp/lock-NAME that is there only while it is held or waited
 * for. */
int store_hold_name(struct store *store, const char *name, bool wait, int *ret_fd,
	struct err *err) __attribute__((warn_unused_result));
void store_release_name(struct store *store, const char *name, int *fd);
/* A directory tmp/<prefix>RANDOM of ours, locked while `ret_fd` is open. */
int store_stage(struct store *store, const char *prefix, char ret_name[STORE_NAME_MAX],
	int *ret_fd, struct err *err) __attribute__((warn_unused_result));
/* Removes tmp/NAME and all below it: directly or, where files belong to subordinate ids,
 * by ucr-unpack inside the user namespace. */
int store_remove_tree(struct store *store, const struct import_userns *userns,
	const char *name, struct err *err) __attribute__((warn_unused_result));
/* Removes from tmp/ what has no locker any more. `ret_count` grows. */
int store_sweep(struct store *store, const struct import_userns *userns,
	size_t *ret_count, struct err *err) __attribute__((warn_unused_result));

#endif
