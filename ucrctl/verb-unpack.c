/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/str.h"
#include "ucrctl/ctl.h"
#include "ucrctl/obtain.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct unpack_options {
	bool is_rootless, is_quiet;
};

static const struct option_spec options[] = {
	{ "rootless", .set = option_bool,
		.offset = offsetof(struct unpack_options, is_rootless),
		.help = "Map the image's owners to your subordinate ids, as is done for a normal "
			"user anyway" },
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct unpack_options, is_quiet),
		.help = "Show no progress" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

/* Asked before the image is read, which may take long. */
static int check_empty(int dirfd, const char *path, struct err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		(void)err_set(err, errno, "list directory %s", path);
		if (fd >= 0)
			(void)close(fd);
		return -err->code;
	}
	while ((e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		(void)err_say(err, ENOTEMPTY, "directory %s is not empty", path);
		return err_hint(err,
			"give an empty directory, or one that is not there yet: it is made");
	}
	return 0;
}

/* Makes the directory when it is missing; `*ret_is_new` then tells who takes it away
 * again. */
static int open_directory(
	const char *path, int *ret_fd, bool *ret_is_new, struct err *err)
{
	bool is_new = mkdir(path, 0755) == 0;
	int fd;

	if (!is_new && errno != EEXIST)
		return err_set(err, errno, "make directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int saved = errno;

		if (is_new)
			(void)rmdir(path);
		return err_set(err, saved, "open directory %s", path);
	}
	*ret_fd = fd;
	*ret_is_new = is_new;
	return 0;
}

static int copy_out(struct ctl *ctl, const struct image *image, int dirfd,
	const struct unpack_options *o, struct err *err)
{
	struct import_userns userns = { .userns_fd = -1 };
	cleanup_close int userns_fd = -1;
	cleanup_strv strv notes = NULL;
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(ctl, &engine, &store, err);
	if (r < 0)
		return r;
	r = obtain_userns(engine, o->is_rootless, &userns, err);
	if (r < 0)
		return r;
	userns_fd = userns.userns_fd;
	r = image_copy_out(store, image, dirfd, &userns, &notes, err);
	strv_each (note, notes)
		print_note(*note);
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_close int dirfd = -1;
	const struct unpack_options *o = opts;
	struct obtain how = { .reference = args[0], .is_quiet = o->is_quiet };
	bool is_new = false;
	int r;

	r = open_directory(args[1], &dirfd, &is_new, err);
	if (r == 0 && !is_new)
		r = check_empty(dirfd, args[1], err);
	if (r < 0)
		return r;
	r = obtain_image(context, &how, &image, err);
	if (r == 0)
		r = copy_out(context, image, dirfd, o, err);
	if (r < 0 && is_new)
		(void)rmdir(args[1]);
	return r;
}

const struct verb_spec verb_unpack = {
	.name = "unpack",
	.section = SECTION_IMAGES,
	.summary = "Write an image's root file system into an empty directory",
	.args = "IMAGE DIRECTORY",
	.args_min = 2,
	.args_max = 2,
	.complete = COMPLETE_SOURCE,
	.groups = groups,
	.options_size = sizeof(struct unpack_options),
	.run = run,
};
