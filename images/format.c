/* SPDX-License-Identifier: Apache-2.0 */
#include "images/format.h"

#include <errno.h>

void found_image_done(struct found_image *image)
{
	strv_free(image->names);
	free(image->manifest);
	free(image->config);
	free(image->seed);
	for (size_t i = 0; i < image->layer_count; i++) {
		free(image->layers[i].media_type);
		free(image->layers[i].member);
	}
	free(image->layers);
	*image = (struct found_image){ 0 };
}

struct format_layer *found_image_add_layer(struct found_image *image, struct err *err)
{
	struct format_layer *grown;

	if (image->layer_count >= IMAGE_LAYERS_MAX) {
		(void)err_say(err, E2BIG, "the image has more than %d layers",
			IMAGE_LAYERS_MAX);
		return NULL;
	}
	grown = reallocarray(image->layers, image->layer_count + 1, sizeof(*grown));
	if (!grown) {
		(void)err_oom(err);
		return NULL;
	}
	image->layers = grown;
	grown += image->layer_count++;
	*grown = (struct format_layer){ 0 };
	return grown;
}

int found_image_add_archive(struct found_image *image, struct err *err)
{
	struct format_layer *layer = found_image_add_layer(image, err);

	if (!layer)
		return -ENOMEM;
	return str_set(&layer->media_type, "application/vnd.oci.image.layer.v1.tar") < 0
		       ? err_oom(err)
		       : 0;
}

int found_image_check_config(struct found_image *image, struct err *err)
{
	struct image_config config = { 0 };
	size_t count;
	int r;

	r = image_config_parse(image->config, image->config_len, &config, err);
	if (r < 0)
		return r;
	count = strv_len(config.diff_ids);
	if (count != image->layer_count)
		r = err_say(err, EINVAL,
			"the image has %zu layers, its configuration speaks of %zu (rootfs.diff_ids)",
			image->layer_count, count);
	for (size_t i = 0; r == 0 && i < count; i++)
		(void)stpcpy(image->layers[i].diff_id, config.diff_ids[i]);
	image_config_done(&config);
	return r;
}

void format_write_rootfs(struct json_writer *w, const struct found_image *image)
{
	jw_object(w, "rootfs");
	jw_string(w, "type", "layers");
	jw_array(w, "diff_ids");
	for (size_t i = 0; i < image->layer_count; i++)
		jw_string(w, NULL, image->layers[i].diff_id);
	jw_array_end(w);
	jw_object_end(w);
}

bool format_name_matches(const char *name, const char *tag)
{
	static const char *const prefixes[] = { "", "localhost/", "docker.io/",
		"docker.io/library/", NULL };
	const char *last = strrchr(name, '/');
	const char *colon = strrchr(last ? last : name, ':');

	if (colon && str_eq(colon + 1, tag))
		return true;
	for (const char *const *p = prefixes; *p; p++) {
		const char *rest = str_skip_prefix(name, *p);
		size_t len = strlen(tag);

		if (!rest || strncmp(rest, tag, len) != 0)
			continue;
		if (!rest[len] || str_eq(rest + len, ":latest"))
			return true;
	}
	return false;
}

int format_choice_error(
	const char *tag, char *const *names, size_t matches, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT;
	char show[SHOWN_MAX];
	size_t count = 0;

	strv_each (name, names) {
		if (count++ == 12) {
			buf_puts(&list, ", …");
			break;
		}
		buf_printf(&list, "%s%s", list.len ? ", " : "", shown(*name, show));
	}
	if (!list.len)
		buf_puts(&list, "none of them has a name");
	if (buf_finish(&list) < 0)
		return err_oom(err);
	if (!matches && !tag)
		return err_say(err, ENOENT, "the archive holds no image");
	if (!matches)
		(void)err_say(err, ENOENT,
			"the archive holds no image named %s; it holds: %s",
			shown(tag, show), list.data);
	else
		(void)err_say(err, EINVAL,
			"the archive holds %zu images that could be meant: %s", matches,
			list.data);
	return err_hint(err, "say which: FILE:TAG");
}
