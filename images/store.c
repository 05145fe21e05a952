/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-private.h"
#include "images/store-steps.h"

#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define STORE_VERSION 1
#define VERSION_TEXT_MAX 64

static const char *const directories[] = { "blobs", "blobs/sha256", "images", "layers",
	"sources", "tmp" };

const char *store_path(
	char ret[STORE_PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	(void)snprintf(ret, STORE_PATH_MAX, "%s/%s%s", dir, name, suffix);
	return ret;
}

static const struct {
	int code;
	const char *hint;
} write_hints[] = {
	{ ENOSPC,
		"Free space on the file system of the image store; `ucrctl gc` removes what no "
		"image needs." },
	{ EDQUOT,
		"The quota of the image store's owner is used up; `ucrctl gc` removes what no "
		"image needs." },
	{ EROFS,
		"The image store is on a read-only file system; choose another place with --root." },
	{ EACCES,
		"The image store belongs to another user; run as its owner or choose another "
		"place with --root." },
};

int store_hint(struct err *err)
{
	for (size_t i = 0; err && i < sizeof(write_hints) / sizeof(write_hints[0]); i++) {
		if (write_hints[i].code == err->code)
			return err_hint(err, "%s", write_hints[i].hint);
	}
	return err ? -err->code : -EIO;
}

/* D18: nobody else may have put anything here. Root may serve a store of its own only. */
static int check_owner(int dirfd, struct err *err)
{
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return err_set(err, errno, "look at the image store");
	if (st.st_uid != geteuid())
		return err_say(err, EPERM,
			"the image store belongs to user %u, this is user %u", st.st_uid,
			geteuid());
	if (st.st_mode & 022)
		return err_say(err, EPERM,
			"the image store may be written by other users (mode %04o)",
			st.st_mode & 07777);
	return 0;
}

/* The version comes last: without it, what is there is made again. */
static int make_store(struct store *store, struct err *err)
{
	cleanup_close int lock_fd = -1;
	char text[VERSION_TEXT_MAX];
	int n, r;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (mkdirat(store->dirfd, directories[i], 0700) == 0 || errno == EEXIST)
			continue;
		(void)err_set(err, errno, "make the image store: %s", directories[i]);
		return store_hint(err);
	}
	r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%d\n", STORE_VERSION);
	return store_put(store, ".", "version", text, (size_t)n, err);
}

static int check_version(struct store *store, struct err *err)
{
	char text[VERSION_TEXT_MAX];
	uint32_t version;
	int r;

	r = fd_read_kernel_file(store->dirfd, "version", text, sizeof(text));
	if (r == -ENOENT)
		return make_store(store, err);
	if (r < 0)
		return err_set(err, -r, "open the image store: version");
	text[strcspn(text, "\n")] = '\0';
	if (str_to_u32(text, &version) < 0)
		return err_say(err, EINVAL,
			"the image store has no valid version (its file 'version' is damaged)");
	if (version > STORE_VERSION) {
		(void)err_say(err, EPROTONOSUPPORT,
			"the image store has version %u, this program knows up to %d",
			version, STORE_VERSION);
		return err_hint(err,
			"It was made by a newer ucr: use that one, or choose "
			"another place with --root.");
	}
	return 0;
}

int store_open(int dirfd, const char *libexec_path, struct store **ret, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return err_oom(err);
	store->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (store->dirfd < 0)
		r = err_set(err, errno, "open the image store");
	else if (str_set(&store->libexec_path, libexec_path) < 0)
		r = err_oom(err);
	else
		r = check_owner(store->dirfd, err);
	if (r == 0)
		r = check_version(store, err);
	if (r < 0) {
		store_free(store);
		return r;
	}
	*ret = store;
	return 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->dirfd >= 0)
		(void)close(store->dirfd);
	free(store->libexec_path);
	free(store);
}

int store_lock(struct store *store, int *ret_fd, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	fd = openat(
		store->dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		(void)err_set(err, errno, "lock the image store");
		return store_hint(err);
	}
	r = fd_lock(fd, true, true);
	if (r < 0)
		return err_set(err, -r, "lock the image store");
	*ret_fd = take_fd(&fd);
	return 0;
}

int store_sync_dir(struct store *store, const char *dir, struct err *err)
{
	cleanup_close int fd = -1;

	fd = openat(store->dirfd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set(err, errno, "flush %s of the image store", dir);
	return 0;
}

bool store_is_in_place(struct store *store, const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 &&
	       fstatat(store->dirfd, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

static int write_flushed(int dirfd, const char *path, const void *data, size_t len)
{
	cleanup_close int fd = -1;
	int r;

	fd = openat(
		dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = store_step(STEP_FILE_WRITE);
	if (r == 0)
		r = fd_write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* The temporary file is in tmp/ and not beside its place, so that there is one place to
 * sweep. */
int store_put(struct store *store, const char *dir, const char *name, const void *data,
	size_t len, struct err *err)
{
	char tmp_name[STORE_NAME_MAX], tmp[STORE_PATH_MAX], path[STORE_PATH_MAX];
	int r;

	fd_random_name("file-", tmp_name, sizeof(tmp_name));
	(void)store_path(tmp, "tmp", tmp_name, "");
	(void)store_path(path, dir, name, "");
	r = write_flushed(store->dirfd, tmp, data, len);
	if (r == 0)
		r = store_step(STEP_FILE_RENAME);
	if (r == 0 && renameat(store->dirfd, tmp, store->dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(store->dirfd, tmp, 0);
		(void)err_set(err, -r, "write %s to the image store", path);
		return store_hint(err);
	}
	return store_sync_dir(store, dir, err);
}

int store_each(struct store *store, const char *dir, store_entry_fn fn, void *arg,
	struct err *err)
{
	cleanup_closedir DIR *stream = NULL;
	struct dirent *e;
	int fd, r;

	fd = openat(store->dirfd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "read %s of the image store", dir);
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return err_oom(err);
	}
	while (errno = 0, (e = readdir(stream))) {
		if (*e->d_name == '.')
			continue;
		r = fn(store, e->d_name, arg, err);
		if (r < 0)
			return r;
	}
	return errno ? err_set(err, errno, "read %s of the image store", dir) : 0;
}
