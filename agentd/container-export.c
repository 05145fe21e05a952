/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-export.h"

#include "common/cleanup.h"
#include "images/export.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The image's layers and the container's own on top; of a copied image the copy alone. */
struct exported {
	int fds[IMAGE_LAYERS_MAX + 1];
	size_t count;
	int tree_fd; /* instead of the last: with the ids that it has inside; -1: none */
	int lease_fd;
};

static void exported_done(struct exported *e)
{
	while (e->count > 0)
		(void)close(e->fds[--e->count]);
	if (e->tree_fd >= 0)
		(void)close(e->tree_fd);
	if (e->lease_fd >= 0)
		(void)close(e->lease_fd);
}

static int open_own(const struct container *container, const char *name)
{
	int fd = openat(
		container->dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_image(struct store *store, const struct container *container,
	struct exported *ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	int r;

	r = store_find(store, container->image_id, &image, err);
	if (r == IMAGE_ABSENT)
		return err_say(err, ENOENT, "its image is not in the store any more");
	if (r == 0)
		r = store_open_layers(store, image, ret->fds, &ret->lease_fd, err);
	if (r == 0)
		ret->count = image->layer_count;
	return r;
}

static int open_layers(struct store *store, const struct container *container,
	struct exported *ret, struct err *err)
{
	cleanup_close int upper_fd = open_own(container, "upper");
	int r = 0;

	if (upper_fd == -ENOENT) {
		upper_fd = open_own(container, "rootfs");
	} else if (upper_fd >= 0) {
		r = open_image(store, container, ret, err);
		if (r == 0 && container->ids.count) {
			r = id_range_show(&container->ids, upper_fd, err);
			ret->tree_fd = r;
			return r < 0 ? r : 0;
		}
	}
	if (upper_fd < 0)
		return err_set(err, -upper_fd, "open the container's files");
	if (r == 0)
		ret->fds[ret->count++] = take_fd(&upper_fd);
	return r;
}

int container_export(struct engine *engine, const struct container *container,
	const struct import_userns *userns, int out_fd, strv *notes, struct err *err)
{
	cleanup_with(exported_done) struct exported e = { .tree_fd = -1, .lease_fd = -1 };
	struct store *store;
	int r;

	if (str_empty(container->image_id)) {
		(void)err_say(err, ENOTSUP,
			"it runs on the files of the host, which are not exported");
		return -ENOTSUP;
	}
	r = engine_store(engine, &store, err);
	if (r == 0)
		r = open_layers(store, container, &e, err);
	return r < 0 ? r
		     : layers_export(store, e.fds, e.count, e.tree_fd, userns, out_fd,
			       notes, err);
}
