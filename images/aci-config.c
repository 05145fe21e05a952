/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-config.h"

#include <errno.h>
#include <inttypes.h>

/* appc's words for processors, and OCI's (which are Go's). */
static const struct {
	const char *arch, *architecture, *variant;
} architectures[] = {
	{ "amd64", "amd64", NULL },
	{ "x86_64", "amd64", NULL },
	{ "i386", "386", NULL },
	{ "aarch64", "arm64", NULL },
	{ "aarch64_be", "arm64be", NULL },
	{ "armv6l", "arm", "v6" },
	{ "armv7l", "arm", "v7" },
	{ "ppc64", "ppc64", NULL },
	{ "ppc64le", "ppc64le", NULL },
	{ "s390x", "s390x", NULL },
};

/* An image without labels runs anywhere. */
static int set_platform(const struct aci_manifest *m, const struct platform *platform,
	struct image_config *ret)
{
	const char *os = aci_pairs_get(&m->labels, "os");
	const char *arch = aci_pairs_get(&m->labels, "arch");
	const char *architecture = arch ? arch : platform->architecture;
	const char *variant = NULL;

	for (size_t i = 0; arch && i < sizeof(architectures) / sizeof(*architectures);
		i++) {
		if (!str_eq(architectures[i].arch, arch))
			continue;
		architecture = architectures[i].architecture;
		variant = architectures[i].variant;
	}
	if (str_set(&ret->os, os ? os : platform->os) < 0 ||
		str_set(&ret->architecture, architecture) < 0 ||
		str_set(&ret->variant, variant) < 0)
		return -ENOMEM;
	return 0;
}

static int set_origin(const struct aci_manifest *m, struct image_config *ret)
{
	if (str_set(&ret->created, aci_pairs_get(&m->annotations, "created")) < 0 ||
		str_set(&ret->author, aci_pairs_get(&m->annotations, "authors")) < 0)
		return -ENOMEM;
	return 0;
}

/* The first of a name counts. */
static int add_pair(strv *list, const char *name, const char *value)
{
	return strv_env_get(*list, name)
		       ? 0
		       : strv_take(list, str_printf("%s=%s", name, value));
}

static int add_pairs(strv *list, const struct aci_pairs *pairs)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < pairs->count; i++)
		r = add_pair(list, pairs->items[i].name, pairs->items[i].value);
	return r;
}

/* The image's variables, and what the specification promises every app. */
static int set_env(const struct aci_manifest *m, strv *ret)
{
	const char *slash = strrchr(m->name, '/');
	int r = add_pairs(ret, &m->app.environment);

	if (r == 0)
		r = add_pair(ret, "AC_APP_NAME", slash ? slash + 1 : m->name);
	return r == 0 ? add_pair(ret, "container", "ucr") : r;
}

static int set_ports(const struct aci_app *app, strv *ret)
{
	for (size_t i = 0; i < app->ports.count; i++) {
		const struct aci_port *p = &app->ports.items[i];
		char *text = p->count == 1 ? str_printf("%u/%s", p->port, p->protocol)
					   : str_printf("%u-%u/%s", p->port,
						     p->port + p->count - 1, p->protocol);

		if (text && strv_env_get(*ret, text))
			free(text);
		else if (strv_take(ret, text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int set_volumes(const struct aci_app *app, strv *ret)
{
	for (size_t i = 0; i < app->mount_points.count; i++) {
		const char *path = app->mount_points.items[i].path;
		bool is_there = false;

		strv_each (other, *ret)
			is_there = is_there || str_eq(*other, path);
		if (!is_there && strv_add(ret, path) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Labels, annotations and the user's own of both. */
static int set_labels(const struct aci_manifest *m, strv *ret)
{
	int r = add_pairs(ret, &m->labels);

	if (r == 0)
		r = add_pairs(ret, &m->annotations);
	strv_each (label, m->app.user_labels) {
		size_t len = strcspn(*label, "=");
		cleanup_free char *name = strndup(*label, len);

		if (r == 0)
			r = name ? add_pair(ret, name, *label + len + 1) : -ENOMEM;
	}
	return r;
}

static int set_handlers(const struct aci_app *app, struct image_appc *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < app->handlers.count; i++) {
		const struct aci_handler *h = &app->handlers.items[i];

		r = strv_copy(h->exec,
			str_eq(h->name, "pre-start") ? &ret->pre_start : &ret->post_stop);
	}
	return r;
}

static int set_groups(const struct aci_app *app, strv *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < app->supplementary_gids.count; i++)
		r = strv_take(ret, str_printf("%u", app->supplementary_gids.items[i]));
	return r;
}

static int set_mount_points(const struct aci_app *app, struct image_appc *ret)
{
	struct appc_mount_point *to = calloc(app->mount_points.count + 1, sizeof(*to));

	if (!to)
		return -ENOMEM;
	ret->mount_points.items = to;
	ret->mount_points.count = app->mount_points.count;
	for (size_t i = 0; i < app->mount_points.count; i++) {
		const struct aci_mount_point *from = &app->mount_points.items[i];

		to[i].is_read_only = from->is_read_only;
		if (str_set(&to[i].name, from->name) < 0 ||
			str_set(&to[i].path, from->path) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int set_appc(const struct aci_manifest *m, struct image_appc *ret, struct err *err)
{
	const struct aci_app *app = &m->app;

	ret->is_set = true;
	ret->needs_working_dir = app->working_directory != NULL;
	if (set_handlers(app, ret) < 0 || set_groups(app, &ret->supplementary_gids) < 0 ||
		set_mount_points(app, ret) < 0)
		return err_oom(err);
	return aci_isolators_take(m, ret, NULL, err);
}

static int set_app(
	const struct aci_manifest *m, struct image_config *ret, struct err *err)
{
	const struct aci_app *app = &m->app;

	if (!app->is_set)
		return 0;
	ret->user = str_printf("%s:%s", app->user, app->group);
	if (!ret->user || strv_copy(app->exec, &ret->entrypoint) < 0 ||
		str_set(&ret->working_dir, app->working_directory) < 0 ||
		set_env(m, &ret->env) < 0 || set_ports(app, &ret->exposed_ports) < 0 ||
		set_volumes(app, &ret->volumes) < 0)
		return err_oom(err);
	return set_appc(m, &ret->appc, err);
}

static int fill(const struct aci_manifest *m, const struct found_image *image,
	const struct platform *platform, struct image_config *ret, struct err *err)
{
	if (set_platform(m, platform, ret) < 0 || set_origin(m, ret) < 0 ||
		set_labels(m, &ret->labels) < 0)
		return err_oom(err);
	for (size_t i = 0; i < image->layer_count; i++) {
		if (strv_add(&ret->diff_ids, image->layers[i].diff_id) < 0)
			return err_oom(err);
	}
	return set_app(m, ret, err);
}

int aci_config_write(const struct aci_manifest *manifest, const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
{
	struct json_writer w = JSON_WRITER(ret);
	struct image_config config = { 0 };
	int r;

	r = fill(manifest, image, platform, &config, err);
	if (r == 0) {
		image_config_write(&w, &config, NULL);
		r = buf_finish(ret) < 0 ? err_oom(err) : 0;
	}
	image_config_done(&config);
	return r;
}
