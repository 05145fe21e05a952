/* SPDX-License-Identifier: Apache-2.0 */
#include "images/layer-form.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "images/erofs-check.h"
#include "images/erofs-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define IMAGE_MAX (8ULL << 30)
#define FACTS_MAX 96

const char *layer_key(const char *chain_id, enum layer_form form, char ret[LAYER_KEY_MAX])
{
	(void)snprintf(ret, LAYER_KEY_MAX, "%s%s", chain_id,
		form == LAYER_FORM_EROFS ? LAYER_FORM_SUFFIX : "");
	return ret;
}

/* ---- the archive ---- */

/* Not the time of its last change of attributes: that is when the number of its links changed. */
static int describe(int fd, char ret[FACTS_MAX])
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ESTALE;
	(void)snprintf(ret, FACTS_MAX, "%llu %llu %lld.%09ld",
		(unsigned long long)st.st_ino, (unsigned long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return 0;
}

/* -ENOENT: the layer has none. */
static int open_archive(int layer_dirfd, int *ret_fd)
{
	cleanup_close int fd = -1;
	char was[FACTS_MAX], is[FACTS_MAX];
	int r;

	fd = openat(layer_dirfd, "archive",
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_read_kernel_file(layer_dirfd, "is", was, sizeof(was));
	if (r == 0)
		r = describe(fd, is);
	if (r == 0 && !str_eq(was, is))
		r = -ESTALE;
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

/* Whoever could write to it could change what was checked: it must be ours alone. */
static bool is_ours(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* ---- opening ---- */

struct opened {
	int image_fd, data_fd, archive_fd;
};

static void opened_done(struct opened *o)
{
	if (o->image_fd >= 0)
		(void)close(o->image_fd);
	if (o->data_fd >= 0)
		(void)close(o->data_fd);
	if (o->archive_fd >= 0)
		(void)close(o->archive_fd);
}

static int open_files(int layer_dirfd, struct opened *o)
{
	int r;

	o->image_fd = openat(layer_dirfd, "image", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (o->image_fd < 0)
		return -errno;
	o->data_fd = openat(layer_dirfd, "data", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (o->data_fd < 0)
		return -errno;
	r = open_archive(layer_dirfd, &o->archive_fd);
	return r == -ENOENT ? 0 : r;
}

static int mount_layer(int layer_dirfd, struct err *err)
{
	cleanup_with(opened_done) struct opened o = { -1, -1, -1 };
	struct erofs_mount_files files;
	int r = open_files(layer_dirfd, &o);

	if (r == -ESTALE) {
		(void)err_say(err, ESTALE,
			"the archive that the image is still in was changed");
		return err_hint(err, "Load or run the archive again.");
	}
	if (r < 0)
		return err_set(err, -r, "open a layer's EROFS image");
	files = (struct erofs_mount_files){ .image_fd = o.image_fd,
		.device_fds = { o.data_fd, o.archive_fd },
		.device_count = o.archive_fd >= 0 ? 2 : 1 };
	return erofs_mount(&files, err);
}

int layer_form_open(int layer_dirfd, int *ret_fd, struct err *err)
{
	int fd = openat(layer_dirfd, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT)
		return err_set(err, errno, "open a layer");
	if (fd < 0)
		fd = mount_layer(layer_dirfd, err);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

bool layer_form_is_whole(int layer_dirfd)
{
	cleanup_with(opened_done) struct opened o = { -1, -1, -1 };

	return faccessat(layer_dirfd, "fs", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       open_files(layer_dirfd, &o) == 0;
}

/* ---- making ---- */

static int link_archive(int layer_dirfd, int archive_fd)
{
	char path[PATH_OF_FD_MAX];

	if (!is_ours(archive_fd) ||
		linkat(AT_FDCWD, path_of_fd(archive_fd, path), layer_dirfd, "archive",
			AT_SYMLINK_FOLLOW) < 0)
		return -EXDEV;
	return 0;
}

int layer_form_stage(
	int layer_dirfd, int archive_fd, bool *ret_may_index, struct err *err)
{
	cleanup_close int fd = openat(layer_dirfd, "data",
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "make a file in the image store");
	*ret_may_index = link_archive(layer_dirfd, archive_fd) == 0;
	return 0;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int check_sealed(int fd, struct err *err)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if ((fcntl(fd, F_GET_SEALS) & seals) != seals || size_of(fd) > IMAGE_MAX)
		return err_say(
			err, EPROTO, "the EROFS image came in a file that is none");
	return 0;
}

static int write_image(int layer_dirfd, const struct erofs_image *image, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = erofs_check(image, err);
	if (r < 0)
		return r;
	fd = openat(layer_dirfd, "image",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, image->data, image->len);
	return r < 0 ? err_set(err, -r, "write a layer's EROFS image") : 0;
}

/* What the archive is now, while its digest is still to be compared. */
static int note_archive(int layer_dirfd, int fd)
{
	cleanup_close int facts_fd = -1;
	char facts[FACTS_MAX];
	int r = describe(fd, facts);

	if (r < 0)
		return r;
	facts_fd = openat(layer_dirfd, "is",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return facts_fd < 0 ? -errno : fd_write_all(facts_fd, facts, strlen(facts));
}

static int open_devices(
	int layer_dirfd, bool has_archive, struct opened *o, struct err *err)
{
	int r = 0;

	o->data_fd = openat(layer_dirfd, "data", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (o->data_fd < 0)
		return err_set(err, errno, "open what a layer's files contain");
	if (!has_archive)
		return unlinkat(layer_dirfd, "archive", 0) < 0 && errno != ENOENT
			       ? err_set(err, errno, "let go of the archive")
			       : 0;
	o->archive_fd = openat(layer_dirfd, "archive", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r = o->archive_fd < 0 ? -errno : note_archive(layer_dirfd, o->archive_fd);
	return r < 0 ? err_set(err, -r, "keep the archive") : 0;
}

int layer_form_take(int layer_dirfd, int image_fd, bool has_archive, struct err *err)
{
	cleanup_with(opened_done) struct opened o = { -1, -1, -1 };
	struct erofs_image image = { .device_count = has_archive ? 2 : 1 };
	void *data;
	int r;

	r = check_sealed(image_fd, err);
	if (r == 0)
		r = open_devices(layer_dirfd, has_archive, &o, err);
	if (r < 0)
		return r;
	image.device_sizes[0] = size_of(o.data_fd);
	image.device_sizes[1] = size_of(o.archive_fd);
	image.len = size_of(image_fd);
	data = mmap(NULL, image.len, PROT_READ, MAP_SHARED, image_fd, 0);
	if (data == MAP_FAILED)
		return err_set(err, errno, "read a layer's EROFS image");
	image.data = data;
	r = write_image(layer_dirfd, &image, err);
	(void)munmap(data, image.len);
	return r;
}
