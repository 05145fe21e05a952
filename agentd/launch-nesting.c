/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that a container has for containers in it. */
#include "agentd/launch-nested.h"

#include "agentd/bundle-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 64
#define NESTING_URL "unix://" NESTING_PLACE "/" NESTING_SOCKET

int nesting_bundle(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	cleanup_free char *source = NULL;

	if (!request->options->has_nesting)
		return 0;
	if (request->is_rootless)
		return err_say(err, EPERM,
			"--nesting: only an agent that runs as root gives containers a socket");
	source = str_printf("%s/" NESTING_DIRECTORY, request->dir_path);
	if (!source || strv_env_set(&spec->process.env, "UCR_HOST=" NESTING_URL) < 0 ||
		strv_env_set(&spec->process.env, "DOCKER_HOST=" NESTING_URL) < 0)
		return err_oom(err);
	return bundle_add_mount(&spec->mounts, "bind", source, NESTING_PLACE,
		"bind,rprivate,ro,nosuid,nodev,noexec", err);
}

/* Whoever is in the container may connect, and nobody may put another socket there: the directory
 * is the host's root's. */
int nesting_listen(int container_dirfd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1,
			  dirfd = fd_mkdir_open(container_dirfd, NESTING_DIRECTORY, 0755);

	if (dirfd < 0)
		return err_set(
			err, -dirfd, "make the directory of the container's socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/" NESTING_SOCKET, dirfd);
	if (fchmod(dirfd, 0755) < 0 ||
		(unlinkat(dirfd, NESTING_SOCKET, 0) < 0 && errno != ENOENT))
		return err_set(err, errno, "remove the old socket of the container");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		fchmodat(dirfd, NESTING_SOCKET, 0666, 0) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen in the container");
	return take_fd(&fd);
}

int nesting_announce(const struct container *container, int news_fd, struct err *err)
{
	cleanup_close int fd = nesting_listen(container->dirfd, err);
	int r;

	if (fd < 0)
		return fd;
	r = ipc_send(news_fd, NESTING_NEWS, container->id, strlen(container->id), &fd, 1);
	return r < 0 ? err_set(err, -r, "tell the agent of the container's socket") : 0;
}
