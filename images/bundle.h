/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds an image, as a set of named files: the members of a seekable, uncompressed
 * tar archive, or the directory of an OCI layout. Names are hostile: members are looked
 * up in a sorted table, files are opened beneath the directory only.
 */
#ifndef UCR_IMAGES_BUNDLE_H
#define UCR_IMAGES_BUNDLE_H

#include "images/stream.h"

struct bundle;

#define cleanup_bundle cleanup_with(bundle_free_ptr)

/* A directory; the descriptor stays the caller's. */
int bundle_of_dir(int dirfd, struct bundle **ret, struct err *err)
	__attribute__((warn_unused_result));

/* What the names in an archive say about it. */
enum bundle_shape {
	BUNDLE_UNKNOWN, /* nothing telling, or no tar archive at all */
	BUNDLE_ROOTFS,	/* has a directory that only a root file system has */
	BUNDLE_IMAGE,	/* has a file that only an image has */
};

/* The shape of a tar archive from its first telling name on; stops there. Takes the
 * stream. */
int bundle_guess(struct stream *in, enum bundle_shape *ret, struct err *err)
	__attribute__((warn_unused_result));

/* All members of an uncompressed tar archive, and what their names say. A root file system is
 * given up as soon as it is recognised, unless `is_forced`: *ret is NULL then. */
int bundle_of_archive(const struct byte_range *archive, bool is_forced,
	struct bundle **ret, enum bundle_shape *ret_shape, struct err *err)
	__attribute__((warn_unused_result));

void bundle_free(struct bundle *b);
static inline void bundle_free_ptr(struct bundle **b)
{
	bundle_free(*b);
}

bool bundle_has(const struct bundle *b, const char *name);
bool bundle_is_dir(const struct bundle *b);

/* The name of the n-th member of an archive in strcmp() order, NULL past the last. */
const char *bundle_name(const struct bundle *b, size_t n);

#define BUNDLE_ABSENT 1

/* Where a file's bytes lie; `ret->fd` is the caller's to close. Links inside an archive
 * are followed. BUNDLE_ABSENT when there is no such file. */
int bundle_find(const struct bundle *b, const char *name, struct byte_range *ret,
	struct err *err) __attribute__((warn_unused_result));

/* A small file whole; BUNDLE_ABSENT as above. */
int bundle_read(const struct bundle *b, const char *name, size_t max, char **ret,
	size_t *ret_len, struct err *err) __attribute__((warn_unused_result));

#endif
