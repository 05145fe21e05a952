/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `listing`: what a list of the images shows, in one file, so that with thousands of them it is
 * read and not put together from thousands of records. It is only an answer kept for later: who
 * changes records or names removes it first, under `lock`; who misses it makes it anew, under
 * `lock`, too. So it is right whenever it is there, whoever was killed. Of another boot it is
 * worth nothing, because after a power cut an older one could be back.
 *
 * Its fields end in a NUL each: "ucr-listing-1", the boot, how many images, then for each image its id, manifest,
 * time of import, bytes, format, time of making, and its names; an empty one ends these.
 */
#ifndef UCR_IMAGES_STORE_LISTING_H
#define UCR_IMAGES_STORE_LISTING_H

#include "images/store-private.h"

/* Before records or names change, under `lock`. */
int store_spoil_listing(struct store *store) __attribute__((warn_unused_result));

#endif
