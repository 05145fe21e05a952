/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "isolators/passwd.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEFAULT_ROOT "/run/ucr"

static char *root_path(const struct cli *cli, struct err *err)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	char *path = NULL;

	if (cli->root)
		path = strdup(cli->root);
	else if (geteuid() == 0)
		path = strdup(DEFAULT_ROOT);
	else if (!str_empty(runtime_dir))
		path = str_printf("%s/ucr", runtime_dir);
	else
		(void)err_say(
			err, ENOENT, "XDG_RUNTIME_DIR is not set: give --root DIRECTORY");
	if (!path && !err->code)
		(void)err_oom(err);
	return path;
}

static int make_root(const char *path)
{
	cleanup_close int slash_fd = -1, fd = -1;
	cleanup_free char *absolute = NULL, *cwd = NULL;

	slash_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (slash_fd < 0)
		return -errno;
	if (*path != '/') {
		cwd = get_current_dir_name();
		absolute = cwd ? str_printf("%s/%s", cwd, path) : NULL;
		if (!absolute)
			return -ENOMEM;
		path = absolute;
	}
	fd = path_mkdir_in_root(slash_fd, path, 0700, geteuid(), getegid());
	return fd < 0 ? fd : 0;
}

int cli_open_root(const struct cli *cli, bool create, struct err *err)
{
	cleanup_free char *path = root_path(cli, err);
	int fd, r;

	if (!path)
		return -err->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		r = make_root(path);
		if (r < 0)
			return err_set(
				err, -r, "make the directory of containers %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_set(err, errno, "open the directory of containers %s", path)
		      : fd;
}

static int check_id(const char *id, struct err *err)
{
	if (str_is_name(id))
		return 0;
	return err_say(err, EINVAL,
		"\"%s\" is not a container id: 1 to 128 letters, digits and _+-. not beginning with a dot",
		id);
}

int cli_open_container(const struct cli *cli, const char *id, struct err *err)
{
	cleanup_close int root_fd = -1;
	int fd, r;

	r = check_id(id, err);
	if (r < 0)
		return r;
	root_fd = cli_open_root(cli, false, err);
	if (root_fd == -ENOENT)
		return err_say(err, ENOENT, "container %s does not exist", id);
	if (root_fd < 0)
		return root_fd;
	fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_say(err, ENOENT, "container %s does not exist", id);
	return fd < 0 ? err_set(err, errno, "open the directory of container %s", id)
		      : fd;
}

int cli_make_container(const struct cli *cli, const char *id, struct err *err)
{
	cleanup_close int root_fd = -1;
	int fd, r;

	r = check_id(id, err);
	if (r < 0)
		return r;
	root_fd = cli_open_root(cli, true, err);
	if (root_fd < 0)
		return root_fd;
	if (mkdirat(root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_say(
				err, EEXIST, "container with id %s exists already", id);
		return err_set(err, errno, "make the directory of container %s", id);
	}
	fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(err, errno, "open the directory of container %s", id)
		      : fd;
}

void cli_remove_container(const struct cli *cli, const char *id)
{
	cleanup_close int root_fd = -1, fd = -1;
	struct err ignored = { 0 };

	root_fd = cli_open_root(cli, false, &ignored);
	if (root_fd < 0)
		return;
	fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)unlinkat(fd, STATE_CONFIG, 0);
	(void)unlinkat(root_fd, id, AT_REMOVEDIR);
}

int cli_load_state(
	const struct cli *cli, const char *id, struct runtime_state *ret, struct err *err)
{
	cleanup_close int dirfd = cli_open_container(cli, id, err);
	int r;

	if (dirfd < 0)
		return dirfd;
	r = runtime_state_load(dirfd, ret, err);
	return r < 0 ? err_wrap(err, "container %s", id) : 0;
}

/* Root of a user namespace is as unprivileged on the host as a user. */
static bool is_in_user_namespace(void)
{
	char map[64];
	unsigned int inside, outside, size;

	if (fd_read_kernel_file(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0)
		return false;
	return sscanf(map, "%u %u %u", &inside, &outside, &size) != 3 || inside ||
	       outside || size != UINT32_MAX;
}

bool cli_is_rootless(const struct cli *cli)
{
	if (cli->rootless != CLI_ROOTLESS_AUTO)
		return cli->rootless == CLI_ROOTLESS_TRUE;
	return geteuid() != 0 || is_in_user_namespace();
}

char *cli_user_name(uid_t uid)
{
	cleanup_close int slash_fd = -1;
	cleanup_free char *passwd = NULL;
	char *name = NULL;
	struct err ignored = { 0 };

	slash_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (slash_fd >= 0 && passwd_read(slash_fd, "/etc/passwd", &passwd, &ignored) == 0)
		name = passwd_name(passwd, uid);
	return name ? name : str_printf("%u", uid);
}
