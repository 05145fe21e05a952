/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/events.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#include <errno.h>

static int run(void *context, const void *options, char **args, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct event event = { .type = "tag", .image = args[1] };
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(context, &engine, &store, err);
	if (r < 0)
		return r;
	r = store_find(store, args[0], &image, err);
	if (r < 0)
		return r;
	if (r == IMAGE_ABSENT) {
		(void)err_say(err, ENOENT, "there is no image \"%.200s\"", args[0]);
		return err_hint(err, "\"ucrctl images\" lists what there is");
	}
	r = store_tag(store, image, args[1], err);
	if (r < 0)
		return r;
	event.id = image->id;
	events_append(engine, &event);
	return 0;
}

const struct verb_spec verb_tag = {
	.name = "tag",
	.section = SECTION_IMAGES,
	.summary = "Give an image one more name",
	.args = "IMAGE NAME[:TAG]",
	.args_min = 2,
	.args_max = 2,
	.complete = COMPLETE_IMAGE,
	.run = run,
};
