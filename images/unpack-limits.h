/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much an image may be. Everything that comes from an archive is measured against one
 * of these; the numbers, and the names under which a request may lower or raise them, are
 * in one table in unpack-limits.c. Bounds that guard our own memory are not adjustable.
 */
#ifndef UCR_IMAGES_UNPACK_LIMITS_H
#define UCR_IMAGES_UNPACK_LIMITS_H

#include "common/err.h"
#include "common/json.h"

#define MANIFEST_MAX (4U << 20)
#define DESCRIPTORS_MAX 1000
#define INDEX_DEPTH_MAX 4
#define MEMBERS_MAX 100000 /* of an archive that holds an image */
#define IMAGE_NAMES_MAX 64 /* under which one archive knows one image */
#define LINK_HOPS_MAX 40   /* symbolic links followed for one name, as the kernel's */
#define XATTRS_MAX 64	   /* of one member */

struct unpack_limits {
	uint64_t bytes;	  /* of file data written, of all layers together */
	uint64_t entries; /* members of all layers together */
	uint64_t path;	  /* bytes of a member's path or link target */
	uint64_t depth;	  /* components of a path */
	uint64_t xattr;	  /* bytes of one extended attribute */
	uint64_t ratio;	  /* of decompressed to compressed bytes, once past ratio_from */
	uint64_t ratio_from;
};

void unpack_limits_init(struct unpack_limits *ret);

/* Takes over what the "limits" object of a request sets; NULL changes nothing. */
int unpack_limits_decode(const struct json *v, struct unpack_limits *ret, struct err *err)
	__attribute__((warn_unused_result));

/* What has been used of them so far. */
struct unpack_usage {
	const struct unpack_limits *limits;
	uint64_t bytes, entries;
};

int unpack_usage_bytes(struct unpack_usage *u, uint64_t more, const char *member,
	struct err *err) __attribute__((warn_unused_result));
int unpack_usage_entry(struct unpack_usage *u, const char *member, struct err *err)
	__attribute__((warn_unused_result));

/* Room for a hostile name made fit for a message. */
#define SHOWN_MAX 160
/* Writes `name` printable and, when it is long, cut in the middle of "…". Returns `ret`.
 */
const char *shown(const char *name, char ret[SHOWN_MAX]);

#endif
