/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the store still is what was put into it. Every blob is read and its digest compared;
 * every unpacked layer is written again by its recipe, to nowhere, and that digest compared (a
 * layer without a recipe must at least be there, of its size); every record and name is checked
 * against what it names.
 *
 * A damaged blob, record or file of names moves to quarantine/, so that the next load or pull of
 * the image makes it anew instead of finding it; gc empties quarantine/. A damaged layer stays,
 * because its image still may do, unless `is_repairing`. An image that is in use keeps its record
 * and its layers whatever they are worth.
 */
#ifndef UCR_IMAGES_STORE_FSCK_H
#define UCR_IMAGES_STORE_FSCK_H

#include "images/store.h"

struct store_fsck_request {
	char *const *used_ids;		    /* images of containers */
	const struct import_userns *userns; /* NULL: the caller is privileged */
	bool is_repairing;		    /* damaged layers move to quarantine, too */
};

/* An image that cannot be run, or not as it was; for store_repair(). */
struct store_broken {
	char id[DIGEST_MAX];
	char manifest[DIGEST_MAX]; /* "" when it is not known */
	strv names;		   /* that it had */
	bool has_record;
};

struct store_fsck_report {
	size_t images, blobs, layers, names; /* that were looked at */
	uint64_t bytes;			     /* of blobs that were read */
	strv findings;			     /* sentences, one for each damage */
	struct store_broken *broken;
	size_t broken_count;
};

/* 0 whatever was found; an error when the store could not be looked at. */
int store_fsck(struct store *store, const struct store_fsck_request *request,
	struct store_fsck_report *ret, struct err *err)
	__attribute__((warn_unused_result));
void store_fsck_report_done(struct store_fsck_report *report);

#endif
