/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/fetch-cache.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/hash.h"
#include "common/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_LEN 64
#define NAME_ROOM (HEX_LEN + 8)

static int open_directory(struct engine *engine, struct err *err)
{
	cleanup_close int root_fd =
		open(engine_root_path(engine), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root_fd < 0 ? -errno : fd_mkdir_open(root_fd, "fetch-cache", 0700);

	return fd < 0 ? err_set(err, -fd, "open %s/fetch-cache", engine_root_path(engine))
		      : fd;
}

/* ---- one entry ---- */

static int name_entry(
	const struct fetch_cache_request *request, char ret[HEX_LEN + 1], struct err *err)
{
	cleanup_free char *key = str_printf("%u %s", request->uid, request->uri);
	char digest[DIGEST_MAX];

	if (!key)
		return err_oom(err);
	hash_of(key, strlen(key), digest);
	(void)snprintf(ret, HEX_LEN + 1, "%s", digest_hex(digest));
	return 0;
}

static void with_suffix(const char *hex, const char *suffix, char ret[NAME_ROOM])
{
	(void)snprintf(ret, NAME_ROOM, "%.*s%s", HEX_LEN, hex, suffix);
}

/* Eviction takes the lock's name away, too: then whoever waited for it begins again. */
static int lock_entry(int dirfd, const char *hex, bool wait)
{
	char name[NAME_ROOM];
	struct stat held, named;

	with_suffix(hex, ".lock", name);
	for (;;) {
		cleanup_close int fd = openat(
			dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int r = fd < 0 ? -errno : fd_lock(fd, true, wait);

		if (r < 0)
			return r;
		if (fstat(fd, &held) == 0 &&
			fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
			held.st_ino == named.st_ino)
			return take_fd(&fd);
	}
}

static int fill(const struct fetch_cache_request *request, int dirfd, const char *hex,
	int *ret_fd, struct err *err)
{
	cleanup_close int fd = -1, again = -1;
	char tmp[NAME_ROOM];
	int r;

	with_suffix(hex, ".tmp", tmp);
	fd = openat(
		dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "make a file in the fetch cache");
	r = request->download(request->arg, fd, err);
	if (r == 0 && fsync(fd) < 0)
		r = err_set(err, errno, "write a file of the fetch cache");
	if (r == 0 && renameat(dirfd, tmp, dirfd, hex) < 0)
		r = err_set(err, errno, "keep a file in the fetch cache");
	if (r < 0) {
		(void)unlinkat(dirfd, tmp, 0);
		return r;
	}
	again = openat(dirfd, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (again < 0)
		return err_set(err, errno, "open a file of the fetch cache");
	*ret_fd = take_fd(&again);
	return 0;
}

int fetch_cache_get(
	const struct fetch_cache_request *request, int *ret_fd, struct err *err)
{
	cleanup_close int dirfd = open_directory(request->engine, err);
	cleanup_close int lock_fd = -1;
	char hex[HEX_LEN + 1];
	uint64_t freed;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = name_entry(request, hex, err);
	if (r < 0)
		return r;
	lock_fd = lock_entry(dirfd, hex, true);
	if (lock_fd < 0)
		return err_set(err, -lock_fd, "lock a file of the fetch cache");
	*ret_fd = openat(dirfd, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd >= 0) {
		(void)futimens(*ret_fd, NULL); /* used now */
		return 0;
	}
	r = fill(request, dirfd, hex, ret_fd, err);
	if (r == 0)
		r = fetch_cache_trim(request->engine, request->limit, &freed, err);
	return r;
}

/* ---- eviction ---- */

struct entry {
	char hex[HEX_LEN + 1];
	struct timespec used;
	uint64_t size;
};

struct entries {
	struct entry *items;
	size_t count;
	uint64_t bytes;
};

static bool is_hex(const char *name)
{
	return strspn(name, "0123456789abcdef") == HEX_LEN;
}

/* Nobody is at it when its lock is free; only its holder may take the lock's name away. */
static bool drop(int dirfd, const char *hex, const char *suffix)
{
	cleanup_close int lock_fd = lock_entry(dirfd, hex, false);
	char name[NAME_ROOM];

	if (lock_fd < 0)
		return false;
	with_suffix(hex, suffix, name);
	(void)unlinkat(dirfd, name, 0);
	with_suffix(hex, "", name);
	if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true; /* it has something to lock */
	with_suffix(hex, ".lock", name);
	(void)unlinkat(dirfd, name, 0);
	return true;
}

static int take_entry(int dirfd, const char *name, struct entries *to)
{
	struct entry *grown;
	struct stat st;

	if (!is_hex(name))
		return 0;
	if (str_eq(name + HEX_LEN, ".tmp"))
		(void)drop(dirfd, name, ".tmp");
	if (name[HEX_LEN] || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	grown = reallocarray(to->items, to->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	to->items = grown;
	grown += to->count++;
	*grown = (struct entry){ .used = st.st_mtim, .size = (uint64_t)st.st_size };
	memcpy(grown->hex, name, HEX_LEN);
	to->bytes += grown->size;
	return 0;
}

static int list(int dirfd, struct entries *ret, struct err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return err_set(err, errno, "list the fetch cache");
	while (r == 0 && (e = readdir(dir)))
		r = take_entry(dirfd, e->d_name, ret);
	return r < 0 ? err_oom(err) : 0;
}

static int compare_used(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used;
	const struct timespec *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

int fetch_cache_trim(
	struct engine *engine, uint64_t limit, uint64_t *ret_freed, struct err *err)
{
	cleanup_close int dirfd = open_directory(engine, err);
	struct entries entries = { 0 };
	int r;

	*ret_freed = 0;
	if (dirfd < 0)
		return dirfd;
	r = list(dirfd, &entries, err);
	if (r == 0 && entries.count)
		qsort(entries.items, entries.count, sizeof(*entries.items), compare_used);
	for (size_t i = 0; r == 0 && i < entries.count && entries.bytes > limit; i++) {
		if (!drop(dirfd, entries.items[i].hex, ""))
			continue;
		entries.bytes -= entries.items[i].size;
		*ret_freed += entries.items[i].size;
	}
	free(entries.items);
	return r;
}
