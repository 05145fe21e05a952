/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-share.h"

#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/ipc.h"
#include "common/path.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FILE_MAX (1U << 20)

/* ---- trees ---- */

/*
 * The kernel clones only mounts of the caller's own mount namespace: a child enters the other
 * container's, looks each path up beneath its root, and sends what it found. It is in no namespace
 * of that container but this one, and executes nothing: nobody there can see or trace it.
 */
enum said { SAID_TREE = 1, SAID_FAILED };

static int join(int proc_dirfd, const char *name, int type)
{
	cleanup_close int fd = openat(proc_dirfd, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 || setns(fd, type) < 0 ? -errno : 0;
}

/* A user may do so only as somebody of the user namespace that he made. */
static int enter(int proc_dirfd, const char *whose, int *ret_root_fd, struct err *err)
{
	cleanup_close int root_fd =
		openat(proc_dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root_fd < 0)
		return err_set(err, errno, "look into %s", whose);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = join(proc_dirfd, "ns/mnt", CLONE_NEWNS);
	if (r == -EPERM) {
		r = join(proc_dirfd, "ns/user", CLONE_NEWUSER);
		if (r == 0)
			r = join(proc_dirfd, "ns/mnt", CLONE_NEWNS);
	}
	if (r < 0)
		return err_set(err, -r, "look into %s", whose);
	*ret_root_fd = take_fd(&root_fd);
	return 0;
}

static int send_tree(
	int socket_fd, int root_fd, const char *whose, const char *path, struct err *err)
{
	cleanup_close int fd = path_open_in_root(root_fd, path, O_PATH, 0), tree = -1;
	struct stat st;
	int r;

	if (fd < 0)
		return err_set(err, -fd, "%s in %s", path, whose);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine %s", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode) &&
		!S_ISFIFO(st.st_mode))
		return err_say(err, EACCES,
			"%s is no file, directory, socket or pipe: such are not shared",
			path);
	tree = mount_clone(fd, "", true);
	if (tree < 0)
		return err_set(err, -tree, "share %s", path);
	r = ipc_send(socket_fd, SAID_TREE, NULL, 0, &tree, 1);
	return r < 0 ? err_set(err, -r, "hand %s over", path) : 0;
}

static int child(int proc_dirfd, const char *whose, char *const *paths, int socket_fd)
{
	cleanup_close int root_fd = -1;
	struct err err = { 0 };
	int r = enter(proc_dirfd, whose, &root_fd, &err);

	strv_each (path, paths) {
		if (r == 0)
			r = send_tree(socket_fd, root_fd, whose, *path, &err);
	}
	if (r < 0)
		(void)!ipc_send_err(socket_fd, SAID_FAILED, &err);
	return r < 0;
}

int launch_share_trees(int proc_dirfd, const char *whose, char *const *paths,
	int *ret_fds, struct err *err)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], r = ipc_pair(pair);
	char doing[80];
	size_t count = 0;
	pid_t pid;

	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		_exit(child(proc_dirfd, whose, paths, theirs));
	(void)close(take_fd(&theirs));
	(void)snprintf(doing, sizeof(doing), "look into %s", whose);
	strv_each (path, paths) {
		r = ipc_recv_fd(ours, SAID_TREE, SAID_FAILED, doing, err);
		if (r < 0)
			break;
		ret_fds[count++] = r;
	}
	/* It may still have something to say. */
	(void)close(take_fd(&ours));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	while (r < 0 && count)
		(void)close(take_fd(&ret_fds[--count]));
	return r < 0 ? r : 0;
}

/* ---- files ---- */

int launch_share_files(struct engine *engine, const char *id, const char *whose,
	int dirfd, struct err *err)
{
	static const char *const names[] = { "resolv.conf", "hosts", NULL };

	for (const char *const *name = names; *name; name++) {
		cleanup_free char *path = str_printf("%s/%s", id, *name), *text = NULL;
		size_t len;
		int r = path ? fd_read_file(engine_containers_dirfd(engine), path,
				       FILE_MAX, &text, &len)
			     : -ENOMEM;

		if (r == 0)
			r = fd_replace_file(dirfd, *name, text, len, 0644, FD_NO_SYNC);
		if (r < 0 && r != -ENOENT)
			return err_set(err, -r, "take %s of %s", *name, whose);
	}
	return 0;
}

/* ---- the specification ---- */

static struct spec_namespace *find_namespace(const struct spec *spec, const char *type)
{
	for (size_t i = 0; i < spec->linux_.namespaces.count; i++) {
		if (str_eq(spec->linux_.namespaces.items[i].type, type))
			return &spec->linux_.namespaces.items[i];
	}
	return NULL;
}

bool launch_share_has_namespace(const struct spec *spec, const char *type)
{
	return find_namespace(spec, type);
}

int launch_share_namespace(struct spec *spec, const char *type, int fd, struct err *err)
{
	struct spec_namespace *item = find_namespace(spec, type);

	if (!item) {
		item = bundle_grow(&spec->linux_.namespaces);
		if (!item || str_set(&item->type, type) < 0)
			return err_oom(err);
	}
	item->path = str_printf("/proc/self/fd/%d", fd);
	return item->path ? 0 : err_oom(err);
}

ssize_t launch_share_find_mount(const struct spec *spec, const char *place)
{
	for (size_t i = 0; i < spec->mounts.count; i++) {
		if (str_eq(spec->mounts.items[i].destination, place))
			return (ssize_t)i;
	}
	return -1;
}

int *launch_share_no_fds(const struct spec *spec)
{
	int *fds = calloc(spec->mounts.count + 1, sizeof(*fds));

	for (size_t i = 0; fds && i < spec->mounts.count; i++)
		fds[i] = -1;
	return fds;
}
