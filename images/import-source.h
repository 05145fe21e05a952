/* SPDX-License-Identifier: Apache-2.0 */
/* What an import reads, and whether it was read before. */
#ifndef UCR_IMAGES_IMPORT_SOURCE_H
#define UCR_IMAGES_IMPORT_SOURCE_H

#include "images/import.h"
#include "images/reference.h"

#define IMPORT_DOWNLOAD_MAX (64ULL << 30)

struct fetch_aci_request;
struct import;

/* The file or directory that is read. */
struct import_source {
	int fd;
	int held_fd;		/* a copy that nobody else can write to; or -1 */
	char key[HASH_HEX_MAX]; /* in sources/; "" for what cannot be recognised again: a
				   pipe */
	char new_key[HASH_HEX_MAX]; /* what it has once links to it were made */
	int64_t size, changed;	    /* bytes, and when its content last changed */
	int lock_fd;		    /* keeps a second import of the same source waiting */
};

/* Opens what `ref` names and computes its key. */
int import_source_open(const struct reference *ref, const struct platform *platform,
	struct import_source *ret, struct err *err) __attribute__((warn_unused_result));
/* The image this source is known to be, when it is stored and whole in that form.
 * IMAGE_ABSENT. */
int import_source_find(struct store *store, const struct import_source *source,
	enum layer_form form, struct image **ret) __attribute__((warn_unused_result));
/* A file without a name beside what is staged. The fd or -errno. */
int import_spool(const struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Downloads what a URL names, or an image that is found by its name, into such a file. */
struct import_download {
	const char *url; /* or: */
	const struct fetch_aci_request *aci;
	uint64_t max_bytes;
};
int import_download(const struct import *import, const struct import_download *download,
	int *ret_fd, struct err *err) __attribute__((warn_unused_result));
/* Downloads the archive itself. */
int import_source_download(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Waits for another import of the same source to end. */
int import_source_lock(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Refuses a file that was written to while it was read. */
int import_source_check(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
void import_source_done(struct store *store, struct import_source *source);

#endif
