/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/cwd.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

/* A directory that was reached from outside of the root has no name here: the kernel then
 * gives
 * "(unreachable)/…" (getcwd(2)). The system call itself, since glibc's hides that. */
static int verify(const char *cwd, struct err *err)
{
	char name[PATH_MAX];

	if (syscall(SYS_getcwd, name, sizeof(name)) < 0)
		return err_set(err, errno, "find the name of process.cwd %s", cwd);
	if (*name != '/')
		return err_say(
			err, EXDEV, "process.cwd %s lies outside of the container", cwd);
	return 0;
}

static int open_cwd(const struct isolation *isolation, const char *cwd)
{
	const struct spec_user *user = &isolation->process->user;
	int fd = path_open_in_root(isolation->root_fd, cwd, O_PATH | O_DIRECTORY, 0);

	if (fd != -ENOENT || !isolation->create_cwd)
		return fd;
	return path_mkdir_in_root(isolation->root_fd, cwd, 0755, user->uid, user->gid);
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const char *cwd =
		str_empty(isolation->process->cwd) ? "/" : isolation->process->cwd;
	cleanup_close int fd = -1;

	if (*cwd != '/')
		return err_say(
			err, EINVAL, "process.cwd %s is not an absolute path", cwd);
	fd = open_cwd(isolation, cwd);
	if (fd < 0)
		return err_set(err, -fd, "open process.cwd %s", cwd);
	if (fchdir(fd) < 0)
		return err_set(err, errno, "enter process.cwd %s", cwd);
	return verify(cwd, err);
}

const struct isolator cwd_isolator = { .name = "cwd", .isolate = isolate };
