/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ids of the host that a container's user namespace has: 65536 of its own, so that what
 * breaks out of a container is nobody on the host, nor anybody in another container.
 *
 * /run/ucr-ids/FIRST is a symbolic link to the directory of the container that has the ids from
 * FIRST on, whichever root directory that lies in: all engines of a host take theirs there.
 * For a group of tasks it is a link to the group's record instead, until the last of them has ended.
 * Clean-up gives them back, once no process is left; one whose directory or record is gone has
 * given them back too. /run/ucr-ids/next says where to look first, so that a range is not given
 * out again soon and taking one costs the same however many are taken. What a container has is
 * also in its container.json and config.json.
 */
#ifndef UCR_AGENTD_ID_RANGE_H
#define UCR_AGENTD_ID_RANGE_H

#include "common/err.h"
#include "common/spec-linux.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_RANGE_SIZE 65536U
#define ID_RANGE_DIRECTORY "/run/ucr-ids"

/* Both of uids and of gids. `count` 0: none. */
struct id_range {
	uint32_t first, count;
	bool is_borrowed; /* it is another container's, which gives it back */
};

/* From which ranges are taken: "FIRST-LAST", of which what begins and ends at a multiple of
 * ID_RANGE_SIZE counts. */
struct id_pool {
	uint32_t first, last;
};
int id_pool_parse(const char *text, struct id_pool *ret, struct err *err)
	__attribute__((warn_unused_result));
/* What /etc/subuid and /etc/subgid both give the user `ucr`, else 1879048192 to 2147483647,
 * which systemd leaves to others. */
int id_pool_default(int etc_dirfd, struct id_pool *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The directory of leases, open and locked until it is closed; -errno. */
int id_leases_open(struct err *err) __attribute__((warn_unused_result));
/* For the container whose directory `holder` is an absolute path of. -ENOSPC: all are taken. */
int id_range_take(int leases_dirfd, const struct id_pool *pool, const char *holder,
	struct id_range *ret, struct err *err) __attribute__((warn_unused_result));
/* The one that this holder has; -ENOENT: none. What it costs depends on how many are taken. */
int id_range_find(int leases_dirfd, const char *holder, struct id_range *ret,
	struct err *err) __attribute__((warn_unused_result));
/* The one that a container had before; -EBUSY when another has it now. */
int id_range_keep(int leases_dirfd, const struct id_range *range, const char *holder,
	struct err *err) __attribute__((warn_unused_result));
/* Only what the holder has; idempotent. */
void id_range_release(int leases_dirfd, const struct id_range *range, const char *holder);

/* The id of the host that an id of the container is. */
static inline uint32_t id_range_map(const struct id_range *range, uint32_t id)
{
	return range && id < range->count ? range->first + id : id;
}

/* A directory whose files have ids of the range, with those that they have inside: a detached
 * mount to read from, or -errno. */
int id_range_show(const struct id_range *range, int dirfd, struct err *err)
	__attribute__((warn_unused_result));

/* uidMappings and gidMappings. */
int id_range_fill(const struct id_range *range, struct spec_linux *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
