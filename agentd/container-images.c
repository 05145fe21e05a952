/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-images.h"

#include "agentd/container.h"
#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/url.h"

int engine_obtain(struct engine *engine, const struct import_request *request,
	const char *shown, struct image **ret, struct err *err)
{
	char clean[1024];
	struct store *store;
	int r = engine_store(engine, &store, err);

	if (r == 0)
		r = image_obtain(store, request, ret, err);
	if (r == 0)
		events_append(engine,
			&(struct event){ .type = "import",
				.id = (*ret)->id,
				.image = url_shown(shown, clean, sizeof(clean)) });
	return r;
}

int container_image_ids(struct engine *engine, strv *ret, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	cleanup_strv strv ids = NULL;
	int r;

	r = container_list(engine, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i]->image_id &&
			strv_add(&ids, list.items[i]->image_id) < 0)
			return err_oom(err);
	}
	*ret = take_ptr(ids);
	return 0;
}
