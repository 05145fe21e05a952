/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel clones only mounts of the caller's own mount namespace: a child enters the parent
 * container's, looks each path up beneath its root, and sends what it found. It is in no namespace
 * of that container but this one, and executes nothing: nobody there can see or trace it.
 */
#include "agentd/launch-nested-private.h"

#include "common/cleanup.h"
#include "common/ipc.h"
#include "common/path.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum said { SAID_TREE = 1, SAID_FAILED };

static int enter(const struct launch_nested *nested, int *ret_root_fd, struct err *err)
{
	cleanup_close int ns_fd =
		openat(nested->proc_dirfd, "ns/mnt", O_RDONLY | O_CLOEXEC);
	cleanup_close int root_fd =
		openat(nested->proc_dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (ns_fd < 0 || root_fd < 0 || setns(ns_fd, CLONE_NEWNS) < 0)
		return err_set(err, errno, "look into the container that this one is in");
	*ret_root_fd = take_fd(&root_fd);
	return 0;
}

static int send_tree(int socket_fd, int root_fd, const char *path, struct err *err)
{
	cleanup_close int fd = path_open_in_root(root_fd, path, O_PATH, 0), tree = -1;
	struct stat st;
	int r;

	if (fd < 0)
		return err_set(err, -fd, "%s in the container that this one is in", path);
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

static int child(const struct launch_nested *nested, char *const *paths, int socket_fd)
{
	cleanup_close int root_fd = -1;
	struct err err = { 0 };
	int r = enter(nested, &root_fd, &err);

	strv_each (path, paths) {
		if (r == 0)
			r = send_tree(socket_fd, root_fd, *path, &err);
	}
	if (r < 0)
		(void)!ipc_send_err(socket_fd, SAID_FAILED, &err);
	return r < 0;
}

int launch_nested_trees(const struct launch_nested *nested, char *const *paths,
	int *ret_fds, struct err *err)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], r = ipc_pair(pair);
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
		_exit(child(nested, paths, theirs));
	(void)close(take_fd(&theirs));
	strv_each (path, paths) {
		r = ipc_recv_fd(ours, SAID_TREE, SAID_FAILED,
			"look into the container that this one is in", err);
		if (r < 0)
			break;
		ret_fds[count++] = r;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	while (r < 0 && count)
		(void)close(take_fd(&ret_fds[--count]));
	return r < 0 ? r : 0;
}
