/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-images.h"

#include "agentd/container.h"
#include "common/cleanup.h"

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
