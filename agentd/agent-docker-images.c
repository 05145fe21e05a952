/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "agentd/container-images.h"
#include "agentd/events.h"
#include "agentd/image-json.h"
#include "common/cleanup.h"
#include "common/filter.h"
#include "common/timestamp.h"
#include "images/reference.h"

#include <errno.h>
#include <fnmatch.h>

#define STATUS_CREATED 201

static int find_image(struct agent *agent, const char *name, struct store **ret_store,
	struct image **ret, struct err *err)
{
	int r = engine_store(agent->engine, ret_store, err);

	if (r == 0)
		r = store_find(*ret_store, name, ret, err);
	/* What is no name is no image, either. */
	return r == IMAGE_ABSENT || r == -EINVAL
		       ? err_say(err, ENOENT, "No such image: %.200s", name)
		       : r;
}

/* ---- filters ---- */

static bool is_called(const void *item, const char *pattern)
{
	const struct image *image = item;

	strv_each (name, image->names) {
		const char *familiar = reference_familiar(*name);
		cleanup_free char *repository = strndup(
			familiar, (size_t)(reference_tag_of(familiar) - familiar));

		if (fnmatch(pattern, familiar, FNM_PATHNAME) == 0 ||
			fnmatch(pattern, *name, FNM_PATHNAME) == 0 ||
			(repository && fnmatch(pattern, repository, FNM_PATHNAME) == 0))
			return true;
	}
	return false;
}

static bool is_dangling(const void *item, const char *value)
{
	const struct image *image = item;

	return !image->names == (str_eq(value, "true") || str_eq(value, "1"));
}

static const struct filter filters_known[] = {
	{ "reference", is_called },
	{ "dangling", is_dangling },
	{ 0 },
};

/* ---- the list ---- */

static void write_image(struct json_writer *w, const struct image *image)
{
	int64_t created = image->imported * TIMESTAMP_SECOND;

	if (image->config.created)
		(void)!timestamp_parse(image->config.created, &created);
	jw_object(w, NULL);
	jw_string(w, "Id", image->id);
	jw_string(w, "ParentId", "");
	image_write_names(w, image->names, image->manifest_digest);
	jw_i64(w, "Created", created / TIMESTAMP_SECOND);
	jw_u64(w, "Size", image->size);
	jw_u64(w, "VirtualSize", image->size);
	/* Not counted. */
	jw_i64(w, "SharedSize", -1);
	jw_i64(w, "Containers", -1);
	jw_null(w, "Labels");
	jw_object_end(w);
}

int agent_docker_images(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_image_list struct image_list images = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	struct store *store;
	int r = filters_check(filters_known, "filters", call->docker.filters, err);

	if (r == 0)
		r = engine_store(agent->engine, &store, err);
	if (r == 0)
		r = store_list(store, &images, err);
	if (r < 0)
		return r;
	jw_array(&w, NULL);
	for (size_t i = 0; i < images.count; i++) {
		if (!images.items[i]->artifact_type &&
			filters_match(
				filters_known, call->docker.filters, images.items[i]))
			write_image(&w, images.items[i]);
	}
	jw_array_end(&w);
	return 0;
}

/* ---- one of them ---- */

int agent_docker_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	struct store *store;
	int r = find_image(agent, call->image, &store, &image, err);

	return r < 0 ? r : image_write(&w, store, image, err);
}

int agent_docker_tag(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	const struct docker_options *o = &call->docker;
	cleanup_free char *name = str_printf("%s%s%s", o->name ? o->name : "",
		o->tag ? ":" : "", o->tag ? o->tag : "");
	struct event event = { .type = "tag", .image = name };
	struct store *store;
	int r;

	if (!name)
		return err_oom(err);
	if (!*name)
		return err_say(err, EINVAL, "repo: want the new name");
	r = find_image(agent, call->image, &store, &image, err);
	if (r == 0)
		r = store_tag(store, image, name, err);
	if (r < 0)
		return r;
	event.id = image->id;
	events_append(agent->engine, &event);
	answer->status = STATUS_CREATED;
	return 0;
}

/* "Untagged: NAME" as {"Untagged": "NAME"}. */
static void write_removed(struct json_writer *w, char *const *removed)
{
	jw_array(w, NULL);
	strv_each (line, removed) {
		const char *rest = strstr(*line, ": ");
		cleanup_free char *what =
			rest ? strndup(*line, (size_t)(rest - *line)) : NULL;

		if (!what)
			continue;
		jw_object(w, NULL);
		jw_string(w, what, rest + 2);
		jw_object_end(w);
	}
	jw_array_end(w);
}

int agent_docker_untag(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_strv strv used = NULL, removed = NULL;
	struct event event = { .type = "untag", .image = call->image };
	struct json_writer w = JSON_WRITER(&answer->body);
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = container_image_ids(agent->engine, &used, err);
	if (r == 0)
		r = store_untag(
			store, call->image, used, call->docker.is_forced, &removed, err);
	if (r < 0)
		return r;
	events_append(agent->engine, &event);
	write_removed(&w, removed);
	return 0;
}
