/* SPDX-License-Identifier: Apache-2.0 */
#include "images/export.h"

#include "images/import-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FDS_MAX (IMAGE_LAYERS_MAX + 2) /* the archive, and a container's own layer */

/* What ucr-unpack gets. */
struct export
{
	int fds[FDS_MAX];
	size_t count;
};

/* The first is the caller's. */
static void export_done(struct export *export)
{
	while (export->count > 1)
		(void)close(export->fds[--export->count]);
}

static int open_layers(struct export *export, const int *dirfds, size_t count,
	int tree_fd, const struct import_userns *userns, struct err *err)
{
	int r;

	if (count + (tree_fd >= 0) + 1 > FDS_MAX)
		return err_say(err, E2BIG, "there are too many layers");
	for (size_t i = 0; i < count; i++) {
		r = unpacker_directory(
			dirfds[i], ".", userns, true, &export->fds[export->count], err);
		if (r < 0)
			return r;
		export->count++;
	}
	if (tree_fd < 0)
		return 0;
	/* No clone of it: before Linux 6.15 what is detached already has none. */
	r = fcntl(tree_fd, F_DUPFD_CLOEXEC, 0);
	if (r < 0)
		return err_set(err, errno, "duplicate a descriptor");
	export->fds[export->count++] = r;
	return 0;
}

static int talk(struct helper *unpacker, const struct export *export, strv *notes,
	struct err *err)
{
	const struct import_request request = { .notes = notes };
	cleanup_buf struct buf b = BUF_INIT;
	struct ipc_msg msg;
	int r;

	/* An archive may have any size; what is read is there already. */
	buf_printf(&b, "{\"op\":\"export\",\"limits\":{\"bytes\":%lld}}",
		(long long)INT64_MAX);
	r = helper_send(unpacker, UNPACK_REQUEST, &b, export->fds, export->count, err);
	if (r == 0)
		r = unpacker_wait(unpacker, &msg, err);
	return r == 0 ? import_take_notes(&request, &msg, err) : r;
}

int layers_export(struct store *store, const int *dirfds, size_t count, int tree_fd,
	const struct import_userns *userns, int out_fd, strv *notes, struct err *err)
{
	cleanup_with(
		export_done) struct export export = { .fds = { out_fd }, .count = 1 };
	cleanup_helper struct helper unpacker = HELPER_NONE;
	int r;

	r = open_layers(&export, dirfds, count, tree_fd, userns, err);
	if (r == 0)
		r = unpacker_start(store->libexec_path, userns, &unpacker, err);
	return r < 0 ? r : talk(&unpacker, &export, notes, err);
}
