/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done for the images that store_fsck() found broken, the cheapest first: unpack
 * missing layers again from those kept as they were pulled; else pull the very same image again,
 * by the digest of its manifest; else let the image go, so that its name no longer promises what
 * cannot be run.
 */
#ifndef UCR_IMAGES_STORE_REPAIR_H
#define UCR_IMAGES_STORE_REPAIR_H

#include "images/import.h"
#include "images/store-fsck.h"

struct store_repair_request {
	const struct store_fsck_report *report;
	char *const *used_ids;
	struct import_userns userns;
	const struct pull_options *pull_options; /* NULL: the defaults */
	import_progress_fn progress;
	void *progress_arg;
};

struct store_repair_report {
	strv lines;	   /* sentences, one for each image */
	size_t lost_count; /* images that could not be repaired */
};

/* 0 whatever could be repaired. */
int store_repair(struct store *store, const struct store_repair_request *request,
	struct store_repair_report *ret, struct err *err)
	__attribute__((warn_unused_result));
void store_repair_report_done(struct store_repair_report *report);

#endif
