/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits as tables: which file takes which value of the resources, and how it is
 * written. The tables are in cgroup-v1-settings.c and cgroup-v2-settings.c; this is what
 * reads them.
 */
#ifndef UCR_ISOLATORS_CGROUP_SETTINGS_H
#define UCR_ISOLATORS_CGROUP_SETTINGS_H

#include "isolators/cgroup-tree.h"

#define CGROUP_VALUE_ROOM 96

/* What a row's function looks at. */
struct cgroup_source {
	int dirfd; /* of the cgroup, for values that depend on what is set already */
	const struct spec_resources *resources;
	const void *field; /* the row's */
};

/*
 * 1: `*ret` is the text to write (into `room`, or the spec's own string). 0: not asked
 * for. -errno: it cannot be honoured, said in err.
 */
typedef int (*cgroup_format_fn)(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err);

struct cgroup_setting {
	const char *file;
	uint32_t controller;
	size_t field; /* offset in struct spec_resources */
	cgroup_format_fn format;
	const char *hint; /* when the file is missing */
};

/* A list in the resources, one item a write: {items, count} at `field`. */
struct cgroup_list {
	uint32_t controller;
	size_t field;
	size_t item_size;
	const char *file;
	int (*write)(int dirfd, const char *file, const void *item, struct err *err);
};

/*
 * Writes the rows of `controllers`. A value that the kernel refuses because its partner
 * still has the old one (a limit above memory+swap, a burst above the quota) is tried
 * once more after all others, so that an update succeeds in whichever direction the
 * values move.
 */
int cgroup_settings_apply(int dirfd, uint32_t controllers,
	const struct cgroup_setting *rows, size_t count,
	const struct spec_resources *resources, struct err *err)
	__attribute__((warn_unused_result));
int cgroup_lists_apply(int dirfd, uint32_t controllers, const struct cgroup_list *rows,
	size_t count, const struct spec_resources *resources, struct err *err)
	__attribute__((warn_unused_result));

/* One write, its failure in words. */
int cgroup_write(int dirfd, const char *file, const char *value, const char *hint,
	struct err *err) __attribute__((warn_unused_result));
bool cgroup_has_file(int dirfd, const char *file);

/* Ready formats. "Given" is not zero: zero stands for "not set". */
int cgroup_format_u64(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err); /* given */
int cgroup_format_u64_any(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err); /* zero too */
int cgroup_format_i64(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err); /* given; negative: "-1" */
int cgroup_format_i64_any(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err);
int cgroup_format_max(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err); /* given; negative: "max" */
int cgroup_format_pids(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err);
int cgroup_format_string(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err);
int cgroup_format_true(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err);

/* Conversions of v1's units to v2's, as the other runtimes convert them. */
uint64_t cgroup_weight_of_shares(uint64_t shares);
uint64_t cgroup_io_weight_of(uint64_t weight);
/* swap = memory+swap of v1; *ret is v2's swap alone, -1 without limit. -EINVAL: below
 * limit, -ENODATA: no memory limit to subtract. */
int cgroup_swap_of(int64_t swap, int64_t limit, int64_t *ret);

/* Items that both versions write alike; `suffix` is "limit_in_bytes" or "max". */
int cgroup_write_hugepages(int dirfd, const char *suffix,
	const struct spec_hugepage_limit *limit, struct err *err)
	__attribute__((warn_unused_result));
int cgroup_write_rdma(int dirfd, const struct spec_rdma *rdma, struct err *err)
	__attribute__((warn_unused_result));

/* The refusal of a memory limit that nothing could start with. */
int cgroup_check_memory(const struct spec_resources *resources, struct err *err)
	__attribute__((warn_unused_result));

#endif
