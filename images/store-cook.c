/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-cook.h"

#include "common/fd.h"
#include "images/store-private.h"
#include "images/unpacker.h"

#include <errno.h>
#include <fcntl.h>

struct said_tar {
	char *digest;
	uint64_t size;
};

static const struct json_field said_fields[] = {
	{ "digest", json_string, offsetof(struct said_tar, digest), true },
	{ "size", json_u64, offsetof(struct said_tar, size), true },
	{ 0 },
};

static int check_tar(const struct image_layer *layer, const struct ipc_msg *msg,
	bool *ret_is_damaged, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct said_tar said = { 0 };
	int r;

	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), said_fields, &said, err);
	if (r == 0 && !str_eq(said.digest, layer->diff_id)) {
		*ret_is_damaged = true;
		(void)err_say(err, EBADMSG,
			"the layer was changed since it was unpacked: it is %s now, not %s",
			said.digest, layer->diff_id);
		(void)err_hint(
			err, "`ucrctl fsck --repair` makes it anew, if it can be had.");
		r = -EBADMSG;
	}
	free(said.digest);
	return r;
}

/* What the unpacker says is about the layer, but for its memory. That it was killed is not. */
static int cook(struct store *store, const int fds[3], const struct image_layer *layer,
	const struct import_userns *userns, bool *ret_is_damaged, struct err *err)
{
	cleanup_helper struct helper unpacker = HELPER_NONE;
	cleanup_buf struct buf b = BUF_INIT;
	struct ipc_msg msg;
	int r;

	r = unpacker_start(store->libexec_path, userns, &unpacker, err);
	if (r < 0)
		return r;
	buf_puts(&b, "{\"op\":\"tar\"}");
	r = helper_send(&unpacker, UNPACK_REQUEST, &b, fds, 3, err);
	if (r == 0)
		r = unpacker_wait(&unpacker, &msg, err);
	if (r < 0) {
		*ret_is_damaged = unpacker.is_finished && r != -ENOMEM && r != -ENOSPC;
		return r;
	}
	return check_tar(layer, &msg, ret_is_damaged, err);
}

int store_cook_layer(struct store *store, const struct image_layer *layer, int layer_fd,
	const struct import_userns *userns, int out_fd, bool *ret_is_damaged,
	struct err *err)
{
	cleanup_close int fs_fd = -1, recipe_fd = -1;
	bool ignored, *is_damaged = ret_is_damaged ? ret_is_damaged : &ignored;
	int fds[3], r;

	*is_damaged = false;
	recipe_fd = openat(layer_fd, STORE_LAYER_RECIPE,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (recipe_fd < 0)
		return errno == ENOENT ? COOK_NO_RECIPE
				       : err_set(err, errno, "open its recipe");
	r = unpacker_layer(layer_fd, userns, &fs_fd, err);
	if (r < 0)
		return r;
	fds[0] = fs_fd;
	fds[1] = recipe_fd;
	fds[2] = out_fd;
	return cook(store, fds, layer, userns, is_damaged, err);
}
