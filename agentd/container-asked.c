/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-asked.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define STARTED "asked.json"
#define SIZE_MAX_BYTES (1U << 20)

static const char *const of_one_run[] = { "attach.sock", "state.json", "exit", "usage",
	"hosts", "hostname", "resolv.conf", NULL };

int container_asked_write(
	int container_dirfd, const struct agent_call *call, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (strv_len(call->run.secrets) || strv_len(call->run.secret_env))
		return err_say(err, EINVAL,
			"secrets: what is started later is kept on disk until then, so it can "
			"have none");
	agent_call_write(&w, call);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = fd_replace_file(
		container_dirfd, CONTAINER_ASKED_NEW, b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write " CONTAINER_ASKED_NEW) : 0;
}

int container_asked_read(int container_dirfd, struct agent_call *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fd_read_file(
		container_dirfd, CONTAINER_ASKED_NEW, SIZE_MAX_BYTES, &text, &len);

	if (r == -ENOENT)
		r = fd_read_file(container_dirfd, STARTED, SIZE_MAX_BYTES, &text, &len);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_set(err, -r, "read what was asked of the container");
	r = agent_call_parse(text, len, ret, err);
	return r < 0 ? err_wrap(err, STARTED) : 0;
}

bool container_asked_is_new(int container_dirfd)
{
	return faccessat(container_dirfd, CONTAINER_ASKED_NEW, F_OK,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

bool container_asked_can_start(int container_dirfd)
{
	return container_asked_is_new(container_dirfd) ||
	       faccessat(container_dirfd, STARTED, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int container_asked_start(int container_dirfd)
{
	return renameat(container_dirfd, CONTAINER_ASKED_NEW, container_dirfd, STARTED) <
			       0
		       ? -errno
		       : 0;
}

int container_asked_begin(int container_dirfd, struct err *err)
{
	int r;

	for (size_t i = 0; of_one_run[i]; i++) {
		if (unlinkat(container_dirfd, of_one_run[i], 0) < 0 && errno != ENOENT)
			return err_set(err, errno, "remove %s", of_one_run[i]);
	}
	/* An overlay that skips flushing is told apart there from one that may be mounted again. */
	r = fd_remove_tree(container_dirfd, "work");
	if (r < 0 && r != -ENOENT)
		return err_set(err, -r, "remove work/");
	r = container_asked_start(container_dirfd);
	return r < 0 && r != -ENOENT ? err_set(err, -r, "rename " CONTAINER_ASKED_NEW)
				     : 0;
}

void container_asked_undo(int container_dirfd)
{
	for (size_t i = 0; of_one_run[i]; i++)
		(void)unlinkat(container_dirfd, of_one_run[i], 0);
	(void)renameat(container_dirfd, STARTED, container_dirfd, CONTAINER_ASKED_NEW);
}
