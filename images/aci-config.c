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
static void write_platform(struct json_writer *w, const struct aci_manifest *m,
	const struct platform *platform)
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
	jw_string(w, "os", os ? os : platform->os);
	jw_string(w, "architecture", architecture);
	if (variant)
		jw_string(w, "variant", variant);
}

static void write_annotation(struct json_writer *w, const char *key,
	const struct aci_manifest *m, const char *name)
{
	const char *value = aci_pairs_get(&m->annotations, name);

	if (value)
		jw_string(w, key, value);
}

/* What the specification promises every app. */
static int write_env(struct json_writer *w, const struct aci_manifest *m)
{
	const struct aci_pairs *env = &m->app.environment;
	const char *slash = strrchr(m->name, '/');
	cleanup_strv strv list = NULL;

	for (size_t i = 0; i < env->count; i++) {
		if (strv_take(&list, str_printf("%s=%s", env->items[i].name,
					     env->items[i].value)) < 0)
			return -ENOMEM;
	}
	if (!strv_env_get(list, "AC_APP_NAME") &&
		strv_take(&list,
			str_printf("AC_APP_NAME=%s", slash ? slash + 1 : m->name)) < 0)
		return -ENOMEM;
	if (!strv_env_get(list, "container") && strv_add(&list, "container=ucr") < 0)
		return -ENOMEM;
	jw_strv(w, "Env", list);
	return 0;
}

static int write_user(struct json_writer *w, const struct aci_app *app)
{
	cleanup_free char *user = str_printf("%s:%s", app->user, app->group);

	if (!user)
		return -ENOMEM;
	jw_string(w, "User", user);
	return 0;
}

static void write_key(struct json_writer *w, const char *key)
{
	jw_object(w, key);
	jw_object_end(w);
}

static int write_ports(struct json_writer *w, const struct aci_app *app)
{
	cleanup_strv strv list = NULL;

	for (size_t i = 0; i < app->ports.count; i++) {
		const struct aci_port *p = &app->ports.items[i];
		char *text = p->count == 1 ? str_printf("%u/%s", p->port, p->protocol)
					   : str_printf("%u-%u/%s", p->port,
						     p->port + p->count - 1, p->protocol);

		if (text && strv_env_get(list, text))
			free(text);
		else if (strv_take(&list, text) < 0)
			return -ENOMEM;
	}
	jw_object(w, "ExposedPorts");
	strv_each (text, list)
		write_key(w, *text);
	jw_object_end(w);
	return 0;
}

static void write_volumes(struct json_writer *w, const struct aci_app *app)
{
	jw_object(w, "Volumes");
	for (size_t i = 0; i < app->mount_points.count; i++) {
		bool is_first = true;

		for (size_t j = 0; j < i; j++)
			is_first = is_first && !str_eq(app->mount_points.items[j].path,
						       app->mount_points.items[i].path);
		if (is_first)
			write_key(w, app->mount_points.items[i].path);
	}
	jw_object_end(w);
}

/* Labels, annotations and the user's own of both; of one name the first counts. */
static int write_labels(struct json_writer *w, const struct aci_manifest *m)
{
	const struct aci_pairs *sources[] = { &m->labels, &m->annotations };
	cleanup_strv strv list = NULL;

	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < sources[i]->count; j++) {
			const struct aci_pair *pair = &sources[i]->items[j];

			if (!strv_env_get(list, pair->name) &&
				strv_take(&list,
					str_printf("%s=%s", pair->name, pair->value)) < 0)
				return -ENOMEM;
		}
	}
	strv_each (label, m->app.user_labels) {
		cleanup_free char *name = strndup(*label, strcspn(*label, "="));

		if (!name || (!strv_env_get(list, name) && strv_add(&list, *label) < 0))
			return -ENOMEM;
	}
	jw_string_map(w, "Labels", list);
	return 0;
}

static int fill_appc(
	const struct aci_manifest *m, struct image_appc *ret, struct err *err)
{
	const struct aci_app *app = &m->app;
	struct appc_mount_point *mounts;

	for (size_t i = 0; i < app->handlers.count; i++) {
		const struct aci_handler *h = &app->handlers.items[i];

		if (strv_copy(h->exec, str_eq(h->name, "pre-start")
					       ? &ret->pre_start
					       : &ret->post_stop) < 0)
			return err_oom(err);
	}
	for (size_t i = 0; i < app->supplementary_gids.count; i++) {
		if (strv_take(&ret->supplementary_gids,
			    str_printf("%u", app->supplementary_gids.items[i])) < 0)
			return err_oom(err);
	}
	mounts = calloc(app->mount_points.count + 1, sizeof(*mounts));
	if (!mounts)
		return err_oom(err);
	ret->mount_points.items = mounts;
	ret->mount_points.count = app->mount_points.count;
	for (size_t i = 0; i < app->mount_points.count; i++) {
		const struct aci_mount_point *from = &app->mount_points.items[i];

		mounts[i].is_read_only = from->is_read_only;
		if (str_set(&mounts[i].name, from->name) < 0 ||
			str_set(&mounts[i].path, from->path) < 0)
			return err_oom(err);
	}
	ret->needs_working_dir = app->working_directory != NULL;
	return aci_isolators_take(m, ret, NULL, err);
}

static int write_appc(
	struct json_writer *w, const struct aci_manifest *m, struct err *err)
{
	struct image_appc appc = { 0 };
	int r = fill_appc(m, &appc, err);

	if (r == 0) {
		jw_object(w, "appc");
		json_encode(w, image_appc_fields, &appc);
		jw_object_end(w);
	}
	image_appc_done(&appc);
	return r;
}

static int write_run(struct json_writer *w, const struct aci_manifest *m, struct err *err)
{
	const struct aci_app *app = &m->app;

	if (write_labels(w, m) < 0)
		return err_oom(err);
	if (!app->is_set)
		return 0;
	if (app->exec)
		jw_strv(w, "Entrypoint", app->exec);
	if (app->working_directory)
		jw_string(w, "WorkingDir", app->working_directory);
	write_volumes(w, app);
	if (write_user(w, app) < 0 || write_env(w, m) < 0 || write_ports(w, app) < 0)
		return err_oom(err);
	return write_appc(w, m, err);
}

int aci_config_write(const struct aci_manifest *manifest, const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
{
	struct json_writer w = JSON_WRITER(ret);
	int r;

	jw_object(&w, NULL);
	write_annotation(&w, "created", manifest, "created");
	write_annotation(&w, "author", manifest, "authors");
	write_platform(&w, manifest, platform);
	jw_object(&w, "config");
	r = write_run(&w, manifest, err);
	if (r < 0)
		return r;
	jw_object_end(&w);
	format_write_rootfs(&w, image);
	jw_object_end(&w);
	return buf_finish(ret) < 0 ? err_oom(err) : 0;
}
