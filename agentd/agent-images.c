/* SPDX-License-Identifier: Apache-2.0 */
/* What ucrctl asks of images. */
#include "agentd/agent-own-ops.h"

#include "agentd/platform-option.h"
#include "agentd/container-images.h"
#include "agentd/events.h"
#include "agentd/image-json.h"
#include "common/cleanup.h"
#include "images/image-wire.h"

#include <errno.h>

int agent_list_images(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);
	cleanup_image_list struct image_list images = { 0 };
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = store_list(store, &images, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "LIST_IMAGES");
	jw_object(&w, "list_images");
	jw_array(&w, "images");
	for (size_t i = 0; i < images.count; i++)
		image_write_listed(&w, images.items[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

static int tell_pruned(struct agent *agent, size_t lines, struct err *err)
{
	cleanup_strv strv attributes = NULL;

	if (strv_take(&attributes, str_printf("removed=%zu", lines)) < 0)
		return err_oom(err);
	events_append(
		agent->engine, &(struct event){ .type = "gc", .attributes = attributes });
	return 0;
}

/* What a container has, or a launch is about to have, stays. */
int agent_prune_images(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_strv strv used = NULL, removed = NULL;
	cleanup_image_list struct image_list images = { 0 };
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = store_list(store, &images, err);
	if (r < 0)
		return r;
	r = container_image_ids(agent->engine, &used, err);
	for (size_t i = 0; r == 0 && i < images.count; i++) {
		r = store_evict(store, images.items[i]->id, used, &removed, err);
		r = r == -EBUSY || r == -ENOENT ? 0 : r;
	}
	return r < 0 ? r : tell_pruned(agent, strv_len(removed), err);
}

int agent_inspect_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = store_find(store, call->image, &image, err);
	if (r == IMAGE_ABSENT)
		return err_say(err, ENOENT, "no image %.200s", call->image);
	return r < 0 ? r : image_write(&w, store, image, err);
}

/* An image without its names; what it is called is what it was asked for by. */
static void write_pulled(
	struct agent_answer *answer, const struct image *image, char *const *notes)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_string(&w, "type", "PULL_IMAGE");
	jw_object(&w, "pull_image");
	jw_string(&w, "id", image->id);
	jw_string(&w, "manifest_digest", image->manifest_digest);
	jw_strv(&w, "notes", notes);
	jw_object_end(&w);
	jw_object_end(&w);
}

int agent_pull_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	/* Whatever it is called: never a file of the host. */
	cleanup_free char *reference = str_printf("docker://%s", call->image);
	cleanup_image struct image *image = NULL;
	cleanup_strv strv notes = NULL;
	char words[PLATFORM_WORDS_MAX];
	struct import_request request = {
		.reference = reference,
		.pull = PULL_ALWAYS,
		.pull_options = agent_pull_options(agent, call),
		.takes_artifacts = true,
		.userns.userns_fd = -1,
		.notes = &notes,
	};
	int r = reference ? platform_option_parse(
				    call->platform, words, &request.platform, err)
			  : err_oom(err);

	if (r == 0)
		r = engine_obtain(agent->engine, &request, call->image, &image, err);
	if (r < 0)
		return r;
	write_pulled(answer, image, notes);
	return 0;
}
