/* SPDX-License-Identifier: Apache-2.0 */
/* Images of this host's own store. */
#include "ucrctl/backend-local-images.h"

#include "agentd/container-images.h"
#include "agentd/events.h"
#include "agentd/image-json.h"
#include "common/cleanup.h"

#include <errno.h>

int local_list_images(struct ctl *ctl, struct image_list *ret, struct err *err)
{
	struct engine *engine;
	struct store *store;
	int r = ctl_store(ctl, &engine, &store, err);

	return r < 0 ? r : store_list(store, ret, err);
}

int local_inspect_image(
	struct ctl *ctl, const char *name, struct json_writer *w, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct engine *engine;
	struct store *store;
	int r = ctl_store(ctl, &engine, &store, err);

	if (r == 0)
		r = store_find(store, name, &image, err);
	return r ? r : image_write(w, store, image, err);
}

int local_load(
	struct ctl *ctl, const struct obtain *how, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct engine *engine;
	struct store *store;
	strv names = NULL;
	int r = ctl_store(ctl, &engine, &store, err);

	if (r == 0)
		r = obtain_image(ctl, how, &image, err);
	if (r == 0)
		r = store_names(store, image->id, &names, err);
	if (r < 0)
		return r;
	strv_free(image->names);
	image->names = names;
	*ret = take_ptr(image);
	return 0;
}

int local_tag(struct ctl *ctl, const char *name, const char *new_name, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct event event = { .type = "tag", .image = new_name };
	struct engine *engine;
	struct store *store;
	int r = ctl_store(ctl, &engine, &store, err);

	if (r == 0)
		r = store_find(store, name, &image, err);
	if (r == IMAGE_ABSENT) {
		(void)err_say(err, ENOENT, "there is no image \"%.200s\"", name);
		return err_hint(err, "\"ucrctl images\" lists what there is");
	}
	if (r == 0)
		r = store_tag(store, image, new_name, err);
	if (r < 0)
		return r;
	event.id = image->id;
	events_append(engine, &event);
	return 0;
}

int local_untag(struct ctl *ctl, const char *name, bool is_forced, strv *ret_removed,
	struct err *err)
{
	cleanup_strv strv used = NULL;
	struct engine *engine;
	struct store *store;
	int r = ctl_store(ctl, &engine, &store, err);

	if (r == 0)
		r = container_image_ids(engine, &used, err);
	if (r == 0)
		r = store_untag(store, name, used, is_forced, ret_removed, err);
	if (r == 0)
		events_append(engine, &(struct event){ .type = "untag", .image = name });
	return r;
}
