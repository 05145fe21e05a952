/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/output-file.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_new(struct output_file *out, bool is_directory, struct err *err)
{
	char suffix[48];

	fd_random_name(".part-", suffix, sizeof(suffix));
	out->tmp = str_printf("%s%s", out->path, suffix);
	if (!out->tmp)
		return err_oom(err);
	out->fd = is_directory
			  ? fd_mkdir_open(AT_FDCWD, out->tmp, 0755)
			  : open(out->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out->fd >= 0)
		return 0;
	(void)err_set(err, is_directory ? -out->fd : errno, "write %s", out->path);
	free(take_ptr(out->tmp));
	return -err->code;
}

int output_file_open(const char *verb, const char *path, bool is_directory,
	struct output_file *ret, struct err *err)
{
	struct stat st;

	ret->path = path;
	if (!path && is_directory)
		return err_say(err, EINVAL,
			"%s: a directory cannot be written to standard output", verb);
	if (!path && isatty(STDOUT_FILENO)) {
		(void)err_say(err, EINVAL, "%s: standard output is a terminal", verb);
		return err_hint(err, "redirect it, or name a file with --output FILE");
	}
	if (!path)
		return 0;
	if (stat(path, &st) < 0)
		return open_new(ret, is_directory, err);
	if (is_directory)
		return err_say(err, EEXIST, "%s exists already", path);
	if (S_ISREG(st.st_mode))
		return open_new(ret, false, err);
	ret->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (ret->fd < 0)
		return err_set(err, errno, "write %s", path);
	if (isatty(ret->fd))
		return err_say(err, EINVAL, "%s: %s is a terminal", verb, path);
	return 0;
}

int output_file_fd(const struct output_file *out)
{
	return out->fd < 0 ? STDOUT_FILENO : out->fd;
}

int output_file_keep(struct output_file *out, struct err *err)
{
	if (!out->tmp)
		return 0;
	if (fsync(out->fd) < 0 || rename(out->tmp, out->path) < 0)
		return err_set(err, errno, "write %s", out->path);
	free(take_ptr(out->tmp));
	return 0;
}

void output_file_done(struct output_file *out)
{
	if (out->tmp)
		(void)!fd_remove_tree(AT_FDCWD, out->tmp);
	free(out->tmp);
	if (out->fd >= 0)
		(void)close(out->fd);
}
