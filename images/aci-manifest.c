/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-manifest.h"

#include "images/unpack-limits.h"

#include <ctype.h>
#include <errno.h>

#define ITEMS_MAX 1000 /* of any list */
#define IMAGE_ID_DIGITS_MIN 32
#define IMAGE_ID_DIGITS_MAX 128
#define PORT_MAX 65535

#define PAIR_AT(member) offsetof(struct aci_pair, member)
#define DEPENDENCY_AT(member) offsetof(struct aci_dependency, member)
#define HANDLER_AT(member) offsetof(struct aci_handler, member)
#define MOUNT_AT(member) offsetof(struct aci_mount_point, member)
#define PORT_AT(member) offsetof(struct aci_port, member)
#define APP_AT(member) offsetof(struct aci_app, member)
#define AT(member) offsetof(struct aci_manifest, member)

static const struct json_field pair_fields[] = {
	{ "name", json_string, PAIR_AT(name), true },
	{ "value", json_string, PAIR_AT(value), true },
	{ 0 },
};
static const struct json_array_of pair_array = { sizeof(struct aci_pair), pair_fields,
	NULL };

static const struct json_field dependency_fields[] = {
	{ "imageName", json_string, DEPENDENCY_AT(image_name), true },
	{ "imageID", json_string, DEPENDENCY_AT(image_id) },
	{ "labels", json_array, DEPENDENCY_AT(labels), false, &pair_array },
	{ "size", json_u64, DEPENDENCY_AT(size) },
	{ 0 },
};
static const struct json_array_of dependencies = { sizeof(struct aci_dependency),
	dependency_fields, NULL };

static const struct json_field handler_fields[] = {
	{ "name", json_string, HANDLER_AT(name), true },
	{ "exec", json_strv, HANDLER_AT(exec), true },
	{ 0 },
};
static const struct json_array_of handlers = { sizeof(struct aci_handler), handler_fields,
	NULL };

static const struct json_field mount_point_fields[] = {
	{ "name", json_string, MOUNT_AT(name), true },
	{ "path", json_string, MOUNT_AT(path), true },
	{ "readOnly", json_bool, MOUNT_AT(is_read_only) },
	{ 0 },
};
static const struct json_array_of mount_points = { sizeof(struct aci_mount_point),
	mount_point_fields, NULL };

static const struct json_field port_fields[] = {
	{ "name", json_string, PORT_AT(name), true },
	{ "protocol", json_string, PORT_AT(protocol), true },
	{ "port", json_u32, PORT_AT(port), true },
	{ "count", json_u32, PORT_AT(count) },
	{ 0 },
};
static const struct json_array_of ports = { sizeof(struct aci_port), port_fields, NULL };

static const struct json_array_of gids = { sizeof(uint32_t), NULL, json_u32 };

static const struct json_field app_fields[] = {
	{ "exec", json_strv, APP_AT(exec) },
	{ "user", json_string, APP_AT(user), true },
	{ "group", json_string, APP_AT(group), true },
	{ "supplementaryGIDs", json_array, APP_AT(supplementary_gids), false, &gids },
	{ "eventHandlers", json_array, APP_AT(handlers), false, &handlers },
	{ "workingDirectory", json_string, APP_AT(working_directory) },
	{ "environment", json_array, APP_AT(environment), false, &pair_array },
	{ "mountPoints", json_array, APP_AT(mount_points), false, &mount_points },
	{ "ports", json_array, APP_AT(ports), false, &ports },
	{ "userAnnotations", json_string_map, APP_AT(user_labels) },
	{ "userLabels", json_string_map, APP_AT(user_labels) },
	{ 0 },
};

static const struct json_field fields[] = {
	{ "acKind", json_string, AT(kind), true },
	{ "acVersion", json_string, AT(version), true },
	{ "name", json_string, AT(name), true },
	{ "labels", json_array, AT(labels), false, &pair_array },
	{ "annotations", json_array, AT(annotations), false, &pair_array },
	{ "app", json_present, AT(app), false, app_fields },
	{ "dependencies", json_array, AT(dependencies), false, &dependencies },
	{ "pathWhitelist", json_strv, AT(path_whitelist) },
	{ 0 },
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]+([MARKS][a-z0-9]+)*: "-._~/" are an AC Identifier's marks, "-" an AC Name's. */
static bool is_name(const char *s, const char *marks)
{
	if (!is_word(*s))
		return false;
	for (; *s; s++) {
		if (!is_word(*s) && !(strchr(marks, *s) && is_word(s[1])))
			return false;
	}
	return true;
}

static int check_name(
	const char *what, const char *name, const char *marks, struct err *err)
{
	char show[SHOWN_MAX];

	if (is_name(name, marks))
		return 0;
	return err_say(err, EINVAL,
		"%s is '%s': want lower-case letters and digits with single %s between them",
		what, shown(name, show), marks);
}

#define IDENTIFIER_MARKS "-._~/"
#define NAME_MARKS "-"

static int check_unique(
	const char *what, const struct aci_pairs *pairs, size_t n, struct err *err)
{
	char show[SHOWN_MAX];

	for (size_t i = 0; i < n; i++) {
		if (str_eq(pairs->items[i].name, pairs->items[n].name))
			return err_say(err, EINVAL, "%s %s is there twice", what,
				shown(pairs->items[n].name, show));
	}
	return 0;
}

static int check_count(const char *what, size_t count, struct err *err)
{
	return count <= ITEMS_MAX ? 0
				  : err_say(err, E2BIG, "it has %zu %s, more than %d",
					    count, what, ITEMS_MAX);
}

static int check_labels(const struct aci_pairs *labels, struct err *err)
{
	int r = check_count("labels", labels->count, err);

	for (size_t i = 0; r == 0 && i < labels->count; i++) {
		const char *name = labels->items[i].name;

		r = check_name("the name of a label", name, IDENTIFIER_MARKS, err);
		if (r == 0 && str_eq(name, "name"))
			r = err_say(err, EINVAL, "a label must not be called 'name'");
		if (r == 0)
			r = check_unique("label", labels, i, err);
	}
	return r;
}

/* Of the specification, and nothing that would leave the image. */
static int check_path(const char *what, const char *path, struct err *err)
{
	char show[SHOWN_MAX];
	size_t len;

	for (const char *at = path; *at == '/'; at += len) {
		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && memcmp(at, "..", 2) == 0)
			return err_say(err, EINVAL, "%s %s: '..' is not allowed", what,
				shown(path, show));
		if (!len)
			break;
	}
	return *path == '/' ? 0
			    : err_say(err, EINVAL, "%s %s is no absolute path", what,
				      shown(path, show));
}

static int check_handlers(const struct aci_app *app, struct err *err)
{
	const struct aci_handler *h;
	char show[SHOWN_MAX];

	for (size_t i = 0; i < app->handlers.count; i++) {
		h = &app->handlers.items[i];
		if (!str_eq(h->name, "pre-start") && !str_eq(h->name, "post-stop"))
			return err_say(err, EINVAL,
				"the event handler '%s' is neither pre-start nor post-stop",
				shown(h->name, show));
		if (!h->exec)
			return err_say(err, EINVAL, "the event handler %s has no command",
				h->name);
		for (size_t j = 0; j < i; j++) {
			if (str_eq(app->handlers.items[j].name, h->name))
				return err_say(err, EINVAL,
					"the event handler %s is there twice", h->name);
		}
	}
	return 0;
}

static bool is_env_name(const char *name)
{
	if (!*name || isdigit((unsigned char)*name))
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return !*name;
}

static int check_environment(const struct aci_app *app, struct err *err)
{
	int r = check_count("environment variables", app->environment.count, err);
	char show[SHOWN_MAX];

	for (size_t i = 0; r == 0 && i < app->environment.count; i++) {
		if (!is_env_name(app->environment.items[i].name))
			r = err_say(err, EINVAL,
				"'%s' is no name of an environment variable",
				shown(app->environment.items[i].name, show));
		else
			r = check_unique(
				"environment variable", &app->environment, i, err);
	}
	return r;
}

static int check_mount_points(const struct aci_app *app, struct err *err)
{
	int r = check_count("mount points", app->mount_points.count, err);
	char show[SHOWN_MAX];

	for (size_t i = 0; r == 0 && i < app->mount_points.count; i++) {
		const char *path = app->mount_points.items[i].path;

		r = check_name("the name of a mount point",
			app->mount_points.items[i].name, NAME_MARKS, err);
		if (r == 0)
			r = check_path("mount point", path, err);
		/* Nobody could name it: --volume ends a path there. */
		if (r == 0 && strchr(path, ':'))
			r = err_say(err, EINVAL, "mount point %s: ':' is not allowed",
				shown(path, show));
	}
	return r;
}

static int check_ports(struct aci_app *app, struct err *err)
{
	int r = check_count("ports", app->ports.count, err);

	for (size_t i = 0; r == 0 && i < app->ports.count; i++) {
		struct aci_port *p = &app->ports.items[i];

		r = check_name("the name of a port", p->name, NAME_MARKS, err);
		if (!p->count)
			p->count = 1;
		if (r == 0 && (p->port < 1 || p->port > PORT_MAX ||
				      p->count > PORT_MAX + 1 - p->port))
			r = err_say(err, ERANGE,
				"port %s is %u and %u more: want 1 to %d", p->name,
				p->port, p->count - 1, PORT_MAX);
		if (r == 0 && !is_name(p->protocol, NAME_MARKS))
			r = err_say(err, EINVAL, "the protocol of port %s is no word",
				p->name);
	}
	return r;
}

static int check_app(struct aci_app *app, struct err *err)
{
	int r = 0;

	if (!app->is_set)
		return 0;
	if (app->exec)
		r = check_path("the command", *app->exec, err);
	if (r == 0 && app->working_directory)
		r = check_path("the working directory", app->working_directory, err);
	if (r == 0 && (str_empty(app->user) || str_empty(app->group)))
		r = err_say(err, EINVAL, "user and group must not be empty");
	if (r == 0 && (strchr(app->user, ':') || strchr(app->group, ':')))
		r = err_say(err, EINVAL, "user and group must not have a ':'");
	if (r == 0)
		r = check_count(
			"supplementary groups", app->supplementary_gids.count, err);
	if (r == 0)
		r = check_count(
			"user labels and annotations", strv_len(app->user_labels), err);
	if (r == 0)
		r = check_handlers(app, err);
	if (r == 0)
		r = check_environment(app, err);
	if (r == 0)
		r = check_mount_points(app, err);
	return r == 0 ? check_ports(app, err) : r;
}

static int check_image_id(const char *id, struct err *err)
{
	const char *hex = str_skip_prefix(id, ACI_IMAGE_ID_PREFIX);
	size_t len = hex ? strspn(hex, "0123456789abcdef") : 0;
	char show[SHOWN_MAX];

	if (hex && !hex[len] && len >= IMAGE_ID_DIGITS_MIN && len <= IMAGE_ID_DIGITS_MAX)
		return 0;
	return err_say(err, EINVAL,
		"the imageID %s is not sha512- and up to 128 lower-case hexadecimal digits",
		shown(id, show));
}

static int check_dependencies(const struct aci_manifest *m, struct err *err)
{
	int r = check_count("dependencies", m->dependencies.count, err);

	for (size_t i = 0; r == 0 && i < m->dependencies.count; i++) {
		const struct aci_dependency *d = &m->dependencies.items[i];

		r = check_name(
			"the name of a dependency", d->image_name, IDENTIFIER_MARKS, err);
		if (r == 0 && d->image_id)
			r = check_image_id(d->image_id, err);
		if (r == 0)
			r = check_labels(&d->labels, err);
		if (r < 0)
			return err_wrap(err, "dependency %zu", i);
	}
	return r;
}

static int check_whitelist(const struct aci_manifest *m, struct err *err)
{
	int r = 0;

	strv_each (path, m->path_whitelist) {
		r = check_path("the whitelisted path", *path, err);
		if (r < 0)
			break;
	}
	return r;
}

/* MAJOR.MINOR.PATCH, and what semantic versioning lets follow. */
static bool is_version(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(s, "0123456789");

		if (!digits || (part < 2 && s[digits] != '.'))
			return false;
		s += digits + (part < 2);
	}
	return !*s || *s == '-' || *s == '+';
}

static int check(struct aci_manifest *m, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	if (!str_eq(m->kind, "ImageManifest"))
		return err_say(err, EINVAL, "acKind is %s, not ImageManifest",
			shown(m->kind, show));
	if (!is_version(m->version))
		return err_say(err, EINVAL, "acVersion %s is no version as 0.8.11",
			shown(m->version, show));
	r = check_name("the image's name", m->name, IDENTIFIER_MARKS, err);
	if (r == 0)
		r = check_labels(&m->labels, err);
	if (r == 0)
		r = check_count("annotations", m->annotations.count, err);
	for (size_t i = 0; r == 0 && i < m->annotations.count; i++)
		r = check_unique("annotation", &m->annotations, i, err);
	if (r == 0)
		r = check_app(&m->app, err);
	if (r == 0)
		r = check_dependencies(m, err);
	return r == 0 ? check_whitelist(m, err) : r;
}

static int find_isolators(struct aci_manifest *m, struct err *err)
{
	m->isolators = json_get(json_get(json_root(m->doc), "app"), "isolators");
	if (m->isolators && m->isolators->type == JSON_NULL)
		m->isolators = NULL;
	if (!m->isolators)
		return 0;
	if (m->isolators->type != JSON_ARRAY)
		return err_say(err, EINVAL, "app.isolators must be an array");
	json_each (isolator, m->isolators) {
		const char *name = json_get_string(isolator, "name");

		if (!name)
			return err_say(err, EINVAL, "an isolator has no name");
	}
	return 0;
}

int aci_manifest_parse(
	const char *text, size_t len, struct aci_manifest *ret, struct err *err)
{
	struct aci_manifest m = { 0 };
	int r;

	r = json_parse(text, len, &m.doc, err);
	if (r == 0)
		r = json_decode(json_root(m.doc), fields, &m, err);
	if (r == 0)
		r = find_isolators(&m, err);
	if (r == 0)
		r = check(&m, err);
	if (r < 0) {
		aci_manifest_done(&m);
		return err_wrap(err, "the image's manifest");
	}
	*ret = m;
	return 0;
}

void aci_manifest_done(struct aci_manifest *manifest)
{
	json_release(fields, manifest);
	json_free(manifest->doc);
	*manifest = (struct aci_manifest){ 0 };
}

const char *aci_pairs_get(const struct aci_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (str_eq(pairs->items[i].name, name))
			return pairs->items[i].value;
	}
	return NULL;
}

bool aci_labels_match(const struct aci_pairs *wanted, const struct aci_pairs *labels)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const char *value = aci_pairs_get(labels, wanted->items[i].name);

		if (!value || !str_eq(value, wanted->items[i].value))
			return false;
	}
	return true;
}
