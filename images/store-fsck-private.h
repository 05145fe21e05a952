/* SPDX-License-Identifier: Apache-2.0 */
/* What store-fsck.c (blobs, records, names) and store-fsck-layers.c share. */
#ifndef UCR_IMAGES_STORE_FSCK_PRIVATE_H
#define UCR_IMAGES_STORE_FSCK_PRIVATE_H

#include "images/store-fsck.h"
#include "images/store-private.h"

struct fsck {
	const struct store_fsck_request *request;
	struct store_fsck_report *report;
	strv names; /* "NAME=ID", as far as they can be read */
};

/* A sentence about a damage. */
int fsck_find(struct fsck *fsck, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4), warn_unused_result));

/* Moves dir/name to quarantine/. Under `lock`. */
int fsck_quarantine(struct store *store, const char *dir, const char *name,
	struct err *err) __attribute__((warn_unused_result));

/* A container has this image. */
bool fsck_is_used(const struct fsck *fsck, const char *id);

/* The unpacked layers of all images. */
int fsck_layers(struct store *store, struct fsck *fsck, struct err *err)
	__attribute__((warn_unused_result));

#endif
