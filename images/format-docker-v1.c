/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `docker save` wrote before 1.10: a directory for each layer with `json` (which
 * names its parent) and `layer.tar`, and `repositories`, {NAME: {TAG: LAYER}}. The
 * configuration is that of the topmost layer; the digests of the layers are only known
 * when they have been read.
 */
#include "images/format.h"

#include "common/json.h"

#include <errno.h>

#define REPOSITORIES "repositories"
#define ID_LEN 64
#define JSON_SUFFIX "/json"

struct v1_image {
	char *name; /* "NAME:TAG", NULL when untagged */
	char id[ID_LEN + 1];
};

struct v1_images {
	struct v1_image *items;
	size_t count;
};

static bool is_id(const char *s, size_t len)
{
	return len == ID_LEN && strspn(s, "0123456789abcdef") >= ID_LEN;
}

static bool is_json_member(const char *name)
{
	return is_id(name, strcspn(name, "/")) && str_eq(name + ID_LEN, JSON_SUFFIX);
}

static bool v1_probe(const struct bundle *b)
{
	const char *name;

	if (!b || bundle_is_dir(b))
		return false;
	for (size_t i = 0; (name = bundle_name(b, i)); i++) {
		if (is_json_member(name))
			return true;
	}
	return false;
}

static int add_image(
	struct v1_images *images, char *name, const char *id, struct err *err)
{
	struct v1_image *grown = NULL;

	if (images->count < DESCRIPTORS_MAX)
		grown = reallocarray(images->items, images->count + 1, sizeof(*grown));
	if (!grown) {
		free(name);
		return err_say(err, E2BIG, "the archive has too many images");
	}
	images->items = grown;
	grown += images->count++;
	*grown = (struct v1_image){ .name = name };
	memcpy(grown->id, id, ID_LEN);
	return 0;
}

static void v1_images_done(struct v1_images *images)
{
	for (size_t i = 0; i < images->count; i++)
		free(images->items[i].name);
	free(images->items);
}

static int add_repository(
	const struct json *repository, struct v1_images *ret, struct err *err)
{
	char show[SHOWN_MAX];
	char *name;
	int r;

	json_each (tag, repository) {
		if (!tag->key || tag->type != JSON_STRING ||
			!is_id(tag->string, tag->len))
			return err_say(err, EINVAL,
				REPOSITORIES ": %s has no valid layer id",
				shown(repository->key, show));
		name = str_printf("%s:%s", repository->key, tag->key);
		if (!name)
			return err_oom(err);
		r = add_image(ret, name, tag->string, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_repositories(
	const struct bundle *b, struct v1_images *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = bundle_read(b, REPOSITORIES, MANIFEST_MAX, &text, &len, err);
	if (r != 0)
		return r == BUNDLE_ABSENT ? 0 : r;
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return err_wrap(err, REPOSITORIES);
	if (json_root(doc)->type != JSON_OBJECT)
		return err_say(err, EINVAL, REPOSITORIES " is not a JSON object");
	json_each (repository, json_root(doc)) {
		r = add_repository(repository, ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The document of one layer; *ret_parent is "" for the lowest. */
static int read_layer(const struct bundle *b, const char *id, char **ret, size_t *ret_len,
	char ret_parent[ID_LEN + 1], struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	char name[ID_LEN + sizeof(JSON_SUFFIX)];
	const char *parent;
	size_t len = 0;
	int r;

	(void)stpcpy(stpcpy(name, id), JSON_SUFFIX);
	r = bundle_read(b, name, IMAGE_CONFIG_MAX, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT, "layer %s is not in the archive", id);
	if (r < 0)
		return r;
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return err_wrap(err, "%s", name);
	parent = json_get_string(json_root(doc), "parent");
	if (!str_empty(parent) && !is_id(parent, strlen(parent)))
		return err_say(
			err, EINVAL, "%s names a parent that is no layer id", name);
	(void)stpcpy(ret_parent, str_empty(parent) ? "" : parent);
	*ret = take_ptr(text);
	*ret_len = len;
	return 0;
}

static bool is_parent(strv parents, const char *id)
{
	strv_each (parent, parents) {
		if (strncmp(*parent, id, ID_LEN) == 0)
			return true;
	}
	return false;
}

/* Without `repositories`: the layers that are nobody's parent. */
static int find_heads(const struct bundle *b, struct v1_images *ret, struct err *err)
{
	cleanup_strv strv ids = NULL, parents = NULL;
	char id[ID_LEN + 1] = "", parent[ID_LEN + 1];
	const char *name;
	int r = 0;

	for (size_t i = 0; (name = bundle_name(b, i)); i++) {
		cleanup_free char *text = NULL;
		size_t len;

		if (!is_json_member(name))
			continue;
		if (strv_len(ids) >= DESCRIPTORS_MAX)
			return err_say(err, E2BIG, "the archive has too many layers");
		memcpy(id, name, ID_LEN);
		r = read_layer(b, id, &text, &len, parent, err);
		if (r < 0)
			return r;
		if (strv_add(&ids, id) < 0 || strv_add(&parents, parent) < 0)
			return err_oom(err);
	}
	strv_each (head, ids) {
		if (!is_parent(parents, *head))
			r = add_image(ret, NULL, *head, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int choose(const struct v1_images *images, const char *tag,
	const struct v1_image **ret, struct err *err)
{
	const struct v1_image *chosen = NULL;
	cleanup_strv strv all = NULL;
	size_t matches = 0;

	for (size_t i = 0; i < images->count; i++) {
		const struct v1_image *image = &images->items[i];

		if (image->name && strv_add(&all, image->name) < 0)
			return err_oom(err);
		if (tag && !(image->name && format_name_matches(image->name, tag)))
			continue;
		if (chosen && str_eq(chosen->id, image->id))
			continue;
		chosen = image;
		matches++;
	}
	if (matches != 1)
		return format_choice_error(tag, all, matches, err);
	*ret = chosen;
	return 0;
}

static int add_layer(struct found_image *image, const char *id, struct err *err)
{
	struct format_layer *layer = found_image_add_layer(image, err);

	if (!layer)
		return -E2BIG;
	layer->member = str_printf("%s/layer.tar", id);
	if (!layer->member || str_set(&layer->media_type, "application/x-tar") < 0)
		return err_oom(err);
	return 0;
}

static void reverse_layers(struct found_image *image)
{
	for (size_t i = 0, j = image->layer_count; i + 1 < j; i++) {
		struct format_layer swap = image->layers[--j];

		image->layers[j] = image->layers[i];
		image->layers[i] = swap;
	}
}

/* From the topmost layer down; a circle of parents ends at the limit of layers. */
static int take_chain(
	const struct bundle *b, const char *top, struct found_image *ret, struct err *err)
{
	char id[ID_LEN + 1], parent[ID_LEN + 1];
	int r;

	(void)stpcpy(id, top);
	while (*id) {
		cleanup_free char *text = NULL;
		size_t len = 0;

		r = read_layer(b, id, &text, &len, parent, err);
		if (r < 0)
			return r;
		if (!ret->seed) {
			ret->seed = take_ptr(text);
			ret->seed_len = len;
		}
		r = add_layer(ret, id, err);
		if (r < 0)
			return r;
		(void)stpcpy(id, parent);
	}
	reverse_layers(ret);
	return 0;
}

static int take_names(const struct v1_images *images, const char *id,
	struct found_image *ret, struct err *err)
{
	for (size_t i = 0; i < images->count; i++) {
		const struct v1_image *image = &images->items[i];

		if (image->name && str_eq(image->id, id) &&
			strv_len(ret->names) < IMAGE_NAMES_MAX &&
			strv_add(&ret->names, image->name) < 0)
			return err_oom(err);
	}
	return 0;
}

static int v1_find(const struct bundle *b, const struct find_request *request,
	struct found_image *ret, struct err *err)
{
	struct v1_images images = { 0 };
	const struct v1_image *image = NULL;
	int r;

	r = read_repositories(b, &images, err);
	if (r == 0 && !images.count)
		r = find_heads(b, &images, err);
	if (r == 0)
		r = choose(&images, request->tag, &image, err);
	if (r == 0)
		r = take_names(&images, image->id, ret, err);
	if (r == 0)
		r = take_chain(b, image->id, ret, err);
	v1_images_done(&images);
	return r;
}

/* What the topmost layer's document says, in the form of today's. */
static int v1_make_config(const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
{
	static const char *const kept[] = { "author", "config", "created", "variant",
		NULL };
	cleanup_json struct json_doc *doc = NULL;
	struct json_writer w = JSON_WRITER(ret);
	const char *os, *architecture;
	int r;

	r = json_parse(image->seed, image->seed_len, &doc, err);
	if (r < 0)
		return r;
	os = json_get_string(json_root(doc), "os");
	architecture = json_get_string(json_root(doc), "architecture");
	jw_object(&w, NULL);
	jw_string(
		&w, "architecture", architecture ? architecture : platform->architecture);
	jw_string(&w, "os", os ? os : platform->os);
	for (const char *const *key = kept; *key; key++) {
		const struct json *value = json_get(json_root(doc), *key);

		if (value)
			jw_json(&w, *key, value);
	}
	format_write_rootfs(&w, image);
	jw_object_end(&w);
	return buf_finish(ret) < 0 ? err_oom(err) : 0;
}

const struct image_format format_docker_v1 = {
	.name = "docker-archive",
	.archive_name = "docker-archive",
	.probe = v1_probe,
	.find = v1_find,
	.make_config = v1_make_config,
};
