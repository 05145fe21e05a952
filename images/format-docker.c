/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `docker save` writes since 1.10: manifest.json, an array with one object for each
 * image:
 * {"Config": FILE, "RepoTags": [NAME…] or null, "Layers": [FILE…]}. Files are named
 * anywhere in the archive; newer ones are an OCI layout at the same time.
 */
#include "images/format.h"

#include "common/json.h"

#include <errno.h>

#define MANIFEST "manifest.json"

struct saved_image {
	char *config;
	strv names, layers;
};

static const struct json_field image_fields[] = {
	{ "Config", json_string, offsetof(struct saved_image, config), true },
	{ "RepoTags", json_strv, offsetof(struct saved_image, names) },
	{ "Layers", json_strv, offsetof(struct saved_image, layers) },
	{ 0 },
};

struct saved_images {
	struct saved_image *items;
	size_t count;
};

static const struct json_array_of image_array = { sizeof(struct saved_image),
	image_fields };

static void saved_images_done(struct saved_images *images)
{
	for (size_t i = 0; i < images->count; i++) {
		free(images->items[i].config);
		strv_free(images->items[i].names);
		strv_free(images->items[i].layers);
	}
	free(images->items);
}

static bool docker_probe(const struct bundle *b)
{
	return b && bundle_has(b, MANIFEST);
}

static int read_manifest(
	const struct bundle *b, struct saved_images *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	size_t len = 0, count = 0;
	int r;

	r = bundle_read(b, MANIFEST, MANIFEST_MAX, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT, "the archive has no " MANIFEST);
	if (r < 0)
		return r;
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return err_wrap(err, MANIFEST);
	json_each (image, json_root(doc))
		count++;
	if (count > DESCRIPTORS_MAX)
		return err_say(
			err, E2BIG, MANIFEST " has more than %d images", DESCRIPTORS_MAX);
	r = json_array(json_root(doc), ret, &image_array, err);
	return r < 0 ? err_wrap(err, MANIFEST) : 0;
}

static bool is_named(const struct saved_image *image, const char *tag)
{
	strv_each (name, image->names) {
		if (format_name_matches(*name, tag))
			return true;
	}
	return false;
}

static bool is_named_exactly(const struct saved_image *image, const char *tag)
{
	strv_each (name, image->names) {
		if (str_eq(*name, tag))
			return true;
	}
	return false;
}

static bool is_same(const struct saved_image *a, const struct saved_image *b)
{
	return str_eq(a->config, b->config);
}

static int refuse_choice(const struct saved_images *images, const char *tag,
	size_t matches, struct err *err)
{
	cleanup_strv strv all = NULL;

	for (size_t i = 0; i < images->count; i++) {
		strv_each (name, images->items[i].names) {
			if (strv_add(&all, *name) < 0)
				return err_oom(err);
		}
	}
	return format_choice_error(tag, all, matches, err);
}

static int choose(const struct saved_images *images, const char *tag,
	const struct saved_image **ret, struct err *err)
{
	const struct saved_image *chosen = NULL;
	size_t matches = 0;

	for (size_t i = 0; i < images->count; i++) {
		const struct saved_image *image = &images->items[i];

		if (tag && is_named_exactly(image, tag)) {
			*ret = image;
			return 0;
		}
		if ((tag && !is_named(image, tag)) || (chosen && is_same(chosen, image)))
			continue;
		matches++;
		if (!chosen)
			chosen = image;
	}
	if (matches != 1)
		return refuse_choice(images, tag, matches, err);
	*ret = chosen;
	return 0;
}

static int add_layers(const struct bundle *b, const struct saved_image *image,
	struct found_image *ret, struct err *err)
{
	char show[SHOWN_MAX];

	strv_each (file, image->layers) {
		struct format_layer *layer;

		if (!bundle_has(b, *file))
			return err_say(err, ENOENT,
				"layer %zu of the image, %s, is not in the archive",
				ret->layer_count, shown(*file, show));
		layer = found_image_add_layer(ret, err);
		if (!layer)
			return -E2BIG;
		if (str_set(&layer->member, *file) < 0 ||
			str_set(&layer->media_type,
				"application/vnd.docker.image.rootfs.diff.tar") < 0)
			return err_oom(err);
	}
	return 0;
}

/* "<hex>.json" and "blobs/sha256/<hex>" promise what they hold. */
static int check_config_name(
	const char *file, const char *text, size_t len, struct err *err)
{
	const char *base = strrchr(file, '/');
	char digest[DIGEST_MAX];

	base = base ? base + 1 : file;
	if (strspn(base, "0123456789abcdef") != 64 ||
		(base[64] && !str_eq(base + 64, ".json")))
		return 0;
	hash_of(text, len, digest);
	if (strncmp(digest_hex(digest), base, 64) == 0)
		return 0;
	return err_say(err, EBADMSG,
		"the image configuration is corrupt: expected sha256:%.64s, got %s", base,
		digest);
}

static int take_image(const struct bundle *b, const struct saved_image *image,
	struct found_image *ret, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	r = bundle_read(
		b, image->config, IMAGE_CONFIG_MAX, &ret->config, &ret->config_len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT,
			"the image's configuration, %s, is not in the archive",
			shown(image->config, show));
	if (r < 0)
		return r;
	r = check_config_name(image->config, ret->config, ret->config_len, err);
	if (r < 0)
		return r;
	strv_each (name, image->names) {
		if (strv_len(ret->names) < IMAGE_NAMES_MAX &&
			strv_add(&ret->names, *name) < 0)
			return err_oom(err);
	}
	r = add_layers(b, image, ret, err);
	if (r < 0)
		return r;
	return found_image_check_config(ret, err);
}

static int docker_find(const struct bundle *b, const struct find_request *request,
	struct found_image *ret, struct err *err)
{
	struct saved_images images = { 0 };
	const struct saved_image *image = NULL;
	int r;

	r = read_manifest(b, &images, err);
	if (r == 0)
		r = choose(&images, request->tag, &image, err);
	if (r == 0)
		r = take_image(b, image, ret, err);
	saved_images_done(&images);
	return r;
}

const struct image_format format_docker = {
	.name = "docker-archive",
	.archive_name = "docker-archive",
	.probe = docker_probe,
	.find = docker_find,
};
