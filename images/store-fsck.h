/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the store still is what was put into it. Every blob is read and its digest
 * compared, every record and name checked against what it names. What is damaged moves to
 * quarantine/, so that the next load or pull of the image makes it anew instead of finding
 * it; gc empties quarantine/. The files inside unpacked layers are not read: nothing in
 * the store says what they have to be.
 *
 * An image that is in use keeps its record even if its configuration is damaged, because
 * the record is what keeps its layers from being collected.
 */
#ifndef UCR_IMAGES_STORE_FSCK_H
#define UCR_IMAGES_STORE_FSCK_H

#include "images/store.h"

struct store_fsck_report {
	size_t images, blobs, names; /* that were looked at */
	uint64_t bytes;		     /* that were read for it */
	strv findings;		     /* sentences, one for each damage */
};

/* 0 whatever was found; an error when the store could not be looked at. `used_ids` are
 * the images of containers. */
int store_fsck(struct store *store, char *const *used_ids, struct store_fsck_report *ret,
	struct err *err) __attribute__((warn_unused_result));
void store_fsck_report_done(struct store_fsck_report *report);

#endif
