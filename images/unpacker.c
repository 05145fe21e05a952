/* SPDX-License-Identifier: Apache-2.0 */
#include "images/unpacker.h"

#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

static const struct helper_program unpack_program = {
	.name = UNPACK_PROGRAM,
	.done = UNPACK_DONE,
	.error = UNPACK_ERROR,
};

int unpacker_start(const char *libexec_path, const struct import_userns *userns,
	struct helper *ret, struct err *err)
{
	return helper_start(
		&unpack_program, libexec_path, userns ? userns->userns_fd : -1, ret, err);
}

int unpacker_directory(int dirfd, const char *name, const struct import_userns *userns,
	bool is_read_only, int *ret_fd, struct err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
			    (is_read_only ? MOUNT_ATTR_RDONLY : 0),
	};
	cleanup_close int fd = -1;

	if (userns && userns->userns_fd >= 0) {
		fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open %s", name);
		*ret_fd = take_fd(&fd);
		return 0;
	}
	fd = (int)syscall(SYS_open_tree, dirfd, name,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno, "clone the mount of %s (open_tree)", name);
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(
			err, errno, "make the mount of %s nodev (mount_setattr)", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int unpacker_layer(
	int layer_dirfd, const struct import_userns *userns, int *ret_fd, struct err *err)
{
	if (faccessat(layer_dirfd, "fs", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return unpacker_directory(layer_dirfd, "fs", userns, true, ret_fd, err);
	return layer_form_open(layer_dirfd, ret_fd, err);
}

int unpacker_wait(struct helper *unpacker, struct ipc_msg *ret, struct err *err)
{
	int r;

	do {
		r = helper_recv(unpacker, ret, err);
		if (r < 0)
			return r;
		ipc_msg_done(ret);
	} while (ret->type == UNPACK_PROGRESS);
	return ret->type == UNPACK_DONE
		       ? 0
		       : err_say(err, EPROTO, UNPACK_PROGRAM " answered out of turn");
}

int unpacker_remove(const char *libexec_path, const struct import_userns *userns,
	int dirfd, const char *name, struct err *err)
{
	cleanup_helper struct helper unpacker = HELPER_NONE;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct ipc_msg msg;
	int r;

	r = unpacker_start(libexec_path, userns, &unpacker, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "remove");
	jw_string(&w, "name", name);
	jw_object_end(&w);
	r = helper_send(&unpacker, UNPACK_REQUEST, &b, &dirfd, 1, err);
	if (r == 0)
		r = unpacker_wait(&unpacker, &msg, err);
	return r < 0 ? err_wrap(err, "remove %s from the image store", name) : 0;
}
