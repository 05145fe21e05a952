/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/id-range.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"
#include "isolators/mount-tree.h"
#include "isolators/subids.h"
#include "isolators/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>

#define OWNER "ucr"
#define NO_UID UINT32_MAX /* that no line has */
#define ETC_FILE_MAX (1U << 20)
#define NAME_MAX_TEXT 16

static const struct id_pool usual_pool = { 0x70000000, 0x7fffffff };

/* ---- the pool ---- */

/* Ranges begin at multiples of their size alone, so that those of different pools are the same
 * or apart. */
static int align(uint64_t first, uint64_t last, struct id_pool *ret)
{
	uint64_t begin = (first + ID_RANGE_SIZE - 1) / ID_RANGE_SIZE * ID_RANGE_SIZE;
	uint64_t end = (last + 1) / ID_RANGE_SIZE * ID_RANGE_SIZE;

	if (first < ID_RANGE_SIZE || end <= begin)
		return -EINVAL;
	*ret = (struct id_pool){ (uint32_t)begin, (uint32_t)(end - 1) };
	return 0;
}

int id_pool_parse(const char *text, struct id_pool *ret, struct err *err)
{
	const char *dash = strchr(text, '-');
	cleanup_free char *begin = dash ? strndup(text, (size_t)(dash - text)) : NULL;
	uint32_t first, last;

	if (!begin || str_to_id(begin, &first) < 0 || str_to_id(dash + 1, &last) < 0 ||
		last < first || align(first, last, ret) < 0)
		return err_say(err, EINVAL,
			"%.80s: want FIRST-LAST, ids from %u on among which are %u that begin at "
			"a multiple of %u",
			text, ID_RANGE_SIZE, ID_RANGE_SIZE, ID_RANGE_SIZE);
	return 0;
}

static int read_ranges(
	int etc_dirfd, const char *name, struct spec_id_maps *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	int r = fd_read_file(etc_dirfd, name, ETC_FILE_MAX, &text, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, -r, "read /etc/%s", name);
	return subids_append(text, OWNER, NO_UID, 0, ret) < 0 ? err_oom(err) : 0;
}

static bool has_range(const struct spec_id_maps *maps, const struct spec_id_map *range)
{
	for (size_t i = 0; i < maps->count; i++) {
		if (maps->items[i].host_id == range->host_id &&
			maps->items[i].size == range->size)
			return true;
	}
	return false;
}

int id_pool_default(int etc_dirfd, struct id_pool *ret, struct err *err)
{
	struct spec_id_maps uids = { 0 }, gids = { 0 };
	int r = read_ranges(etc_dirfd, "subuid", &uids, err);

	if (r == 0)
		r = read_ranges(etc_dirfd, "subgid", &gids, err);
	if (r == 0)
		*ret = usual_pool;
	for (size_t i = 0; r == 0 && i < uids.count; i++) {
		const struct spec_id_map *range = &uids.items[i];

		if (has_range(&gids, range) &&
			align(range->host_id, (uint64_t)range->host_id + range->size - 1,
				ret) == 0)
			break;
	}
	free(uids.items);
	free(gids.items);
	return r;
}

/* ---- leases ---- */

int id_leases_open(struct err *err)
{
	cleanup_close int fd = fd_mkdir_open(AT_FDCWD, ID_RANGE_DIRECTORY, 0700);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, fd < 0 ? -fd : errno, "open %s", ID_RANGE_DIRECTORY);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_say(err, EPERM, "%s belongs to others: remove it",
			ID_RANGE_DIRECTORY);
	r = fd_lock(fd, true, true);
	return r < 0 ? err_set(err, -r, "lock %s", ID_RANGE_DIRECTORY) : take_fd(&fd);
}

static void name_of(uint32_t first, char ret[NAME_MAX_TEXT])
{
	(void)snprintf(ret, NAME_MAX_TEXT, "%u", first);
}

/* The path that a lease names; "" when there is none. */
static void read_holder(int dirfd, const char *name, char ret[PATH_MAX])
{
	ssize_t n = readlinkat(dirfd, name, ret, PATH_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
}

static bool is_gone(int dirfd, const char *name)
{
	char holder[PATH_MAX];
	struct stat st;

	read_holder(dirfd, name, holder);
	return *holder && lstat(holder, &st) < 0 && errno == ENOENT;
}

/* 0, -EEXIST when somebody has it. */
static int take_one(int dirfd, uint32_t first, const char *holder)
{
	char name[NAME_MAX_TEXT];

	name_of(first, name);
	if (symlinkat(holder, dirfd, name) == 0)
		return 0;
	if (errno != EEXIST || !is_gone(dirfd, name))
		return -errno;
	if (unlinkat(dirfd, name, 0) < 0 || symlinkat(holder, dirfd, name) < 0)
		return -errno;
	return 0;
}

static uint32_t read_next(int dirfd, uint32_t count)
{
	cleanup_free char *text = NULL;
	uint32_t number = 0;

	if (fd_read_file(dirfd, "next", NAME_MAX_TEXT, &text, NULL) < 0 ||
		str_to_u32(text, &number) < 0)
		(void)!getrandom(&number, sizeof(number), 0);
	return number % count;
}

static void write_next(int dirfd, uint32_t number)
{
	char text[NAME_MAX_TEXT];
	int n = snprintf(text, sizeof(text), "%u", number);

	(void)!fd_replace_file(dirfd, "next", text, (size_t)n, 0600, FD_NO_SYNC);
}

int id_range_take(int leases_dirfd, const struct id_pool *pool, const char *holder,
	struct id_range *ret, struct err *err)
{
	uint32_t count = (pool->last - pool->first) / ID_RANGE_SIZE + 1;
	uint32_t number = read_next(leases_dirfd, count), tried = 0, first;
	int r;

	do {
		first = pool->first + number * ID_RANGE_SIZE;
		r = take_one(leases_dirfd, first, holder);
		number = (number + 1) % count;
	} while (r == -EEXIST && ++tried < count);
	if (r == -EEXIST) {
		(void)err_say(err, ENOSPC,
			"all %u ranges of ids for user namespaces are taken", count);
		return err_hint(err,
			"end containers, or give more ids (--id-range %u-LAST)",
			pool->first);
	}
	if (r < 0)
		return err_set(err, -r, "take the ids from %u on in %s", first,
			ID_RANGE_DIRECTORY);
	write_next(leases_dirfd, number);
	*ret = (struct id_range){ first, ID_RANGE_SIZE, false };
	return 0;
}

int id_range_find(
	int leases_dirfd, const char *holder, struct id_range *ret, struct err *err)
{
	int fd = openat(leases_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char has[PATH_MAX];
	uint32_t first;

	if (!dir) {
		(void)err_set(err, errno, "list " ID_RANGE_DIRECTORY);
		if (fd >= 0)
			(void)close(fd);
		return err ? -err->code : -EIO;
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (str_to_u32(entry->d_name, &first) < 0)
			continue;
		read_holder(leases_dirfd, entry->d_name, has);
		if (!str_eq(has, holder))
			continue;
		*ret = (struct id_range){ first, ID_RANGE_SIZE, false };
		return 0;
	}
	return -ENOENT;
}

int id_range_keep(int leases_dirfd, const struct id_range *range, const char *holder,
	struct err *err)
{
	char name[NAME_MAX_TEXT], has[PATH_MAX];
	int r;

	name_of(range->first, name);
	read_holder(leases_dirfd, name, has);
	if (str_eq(has, holder))
		return 0;
	r = take_one(leases_dirfd, range->first, holder);
	if (r == -EEXIST)
		return err_say(err, EBUSY,
			"the ids from %u on, which its files have, are another container's now",
			range->first);
	return r < 0 ? err_set(err, -r, "take the ids from %u on again in %s",
			       range->first, ID_RANGE_DIRECTORY)
		     : 0;
}

void id_range_release(int leases_dirfd, const struct id_range *range, const char *holder)
{
	char name[NAME_MAX_TEXT], has[PATH_MAX];

	name_of(range->first, name);
	read_holder(leases_dirfd, name, has);
	if (str_eq(has, holder))
		(void)unlinkat(leases_dirfd, name, 0);
}

/* ---- the specification ---- */

static int fill_one(const struct id_range *range, struct spec_id_maps *ret)
{
	ret->items = calloc(1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	ret->items[0] = (struct spec_id_map){
		.container_id = 0, .host_id = range->first, .size = range->count
	};
	ret->count = 1;
	return 0;
}

int id_range_show(const struct id_range *range, int dirfd, struct err *err)
{
	struct spec_id_map back = { .container_id = range->first, .size = range->count };
	const struct spec_id_maps maps = { .items = &back, .count = 1 };
	struct mount_change change = { .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.idmap_fd = -1 };
	cleanup_close int tree = -1, userns_fd = -1;
	int r = userns_open(&maps, &maps, &userns_fd, err);

	if (r < 0)
		return r;
	tree = mount_clone(dirfd, "", false);
	change.idmap_fd = userns_fd;
	r = tree < 0 ? tree : mount_change(tree, &change);
	return r < 0 ? err_set(err, -r, "show files with the ids of the container")
		     : take_fd(&tree);
}

int id_range_fill(const struct id_range *range, struct spec_linux *ret, struct err *err)
{
	if (fill_one(range, &ret->uid_mappings) < 0 ||
		fill_one(range, &ret->gid_mappings) < 0)
		return err_oom(err);
	return 0;
}
