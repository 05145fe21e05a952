/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spec.h"

#include "common/spec-fields.h"

#include <errno.h>

static const struct json_field mount_fields[] = {
	SPEC_REQUIRED("destination", json_string, struct spec_mount, destination, NULL),
	SPEC_FIELD("type", json_string, struct spec_mount, type, NULL),
	SPEC_FIELD("source", json_string, struct spec_mount, source, NULL),
	SPEC_FIELD("options", json_strv, struct spec_mount, options, NULL),
	SPEC_FIELD("uidMappings", json_array, struct spec_mount, uid_mappings,
		&spec_id_map_array),
	SPEC_FIELD("gidMappings", json_array, struct spec_mount, gid_mappings,
		&spec_id_map_array),
	{ 0 },
};

static const struct json_array_of mounts = { sizeof(struct spec_mount), mount_fields,
	NULL };

static const struct json_field hook_fields[] = {
	SPEC_REQUIRED("path", json_string, struct spec_hook, path, NULL),
	SPEC_FIELD("args", json_strv, struct spec_hook, args, NULL),
	SPEC_FIELD("env", json_strv, struct spec_hook, env, NULL),
	SPEC_HAS("timeout", json_i64, struct spec_hook, timeout),
	{ 0 },
};

static const struct json_array_of hook_array = { sizeof(struct spec_hook), hook_fields,
	NULL };

#define HOOKS(key, member)                                                               \
	SPEC_INNER(key, json_array, struct spec, hooks, member, &hook_array)

static const struct json_field hooks_fields[] = {
	HOOKS("prestart", prestart),
	HOOKS("createRuntime", create_runtime),
	HOOKS("createContainer", create_container),
	HOOKS("startContainer", start_container),
	HOOKS("poststart", poststart),
	HOOKS("poststop", poststop),
	{ 0 },
};

static const struct json_field root_fields[] = {
	{ "path", json_string,
		offsetof(struct spec, root.path) - offsetof(struct spec, root), true,
		NULL },
	SPEC_INNER("readonly", json_bool, struct spec, root, readonly, NULL),
	{ 0 },
};

static const struct json_field spec_fields[] = {
	SPEC_REQUIRED("ociVersion", json_string, struct spec, oci_version, NULL),
	SPEC_FIELD("root", json_object, struct spec, root, root_fields),
	SPEC_FIELD("hostname", json_string, struct spec, hostname, NULL),
	SPEC_FIELD("domainname", json_string, struct spec, domainname, NULL),
	SPEC_FIELD("process", json_present, struct spec, process, spec_process_fields),
	SPEC_FIELD("mounts", json_array, struct spec, mounts, &mounts),
	SPEC_FIELD("hooks", json_object, struct spec, hooks, hooks_fields),
	SPEC_FIELD("annotations", json_string_map, struct spec, annotations, NULL),
	SPEC_FIELD("linux", json_object, struct spec, linux_, spec_linux_fields),
	{ 0 },
};

struct spec *spec_new(void)
{
	return calloc(1, sizeof(struct spec));
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	json_release(spec_fields, spec);
	free(spec);
}

/* Semantic versioning: any 1.x is compatible, whatever its minor number and suffix. */
static bool is_supported_version(const char *version)
{
	const char *minor = str_skip_prefix(version, "1.");

	return minor && *minor >= '0' && *minor <= '9';
}

static bool is_absolute(const char *path)
{
	return path && path[0] == '/';
}

static int check_hooks(const struct spec_hooks *hooks, const char *when, struct err *err)
{
	for (size_t i = 0; i < hooks->count; i++) {
		const struct spec_hook *hook = &hooks->items[i];

		if (!is_absolute(hook->path))
			return err_say(err, EINVAL,
				"hooks.%s[%zu].path must be absolute: %s", when, i,
				hook->path);
		if (hook->has_timeout && hook->timeout <= 0)
			return err_say(err, EINVAL,
				"hooks.%s[%zu].timeout must be greater than zero", when,
				i);
	}
	return 0;
}

static int check_all_hooks(const struct spec *spec, struct err *err)
{
	const struct {
		const struct spec_hooks *hooks;
		const char *when;
	} all[] = {
		{ &spec->hooks.prestart, "prestart" },
		{ &spec->hooks.create_runtime, "createRuntime" },
		{ &spec->hooks.create_container, "createContainer" },
		{ &spec->hooks.start_container, "startContainer" },
		{ &spec->hooks.poststart, "poststart" },
		{ &spec->hooks.poststop, "poststop" },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == 0; i++)
		r = check_hooks(all[i].hooks, all[i].when, err);
	return r;
}

static int check_process(const struct spec_process *process, struct err *err)
{
	if (!is_absolute(process->cwd))
		return err_say(err, EINVAL,
			"process.cwd must be an absolute path: \"%s\"",
			process->cwd ? process->cwd : "");
	strv_each (s, process->env) {
		if (**s == '=')
			return err_say(
				err, EINVAL, "process.env: \"%s\" has no name", *s);
	}
	return 0;
}

static int check_spec(const struct spec *spec, struct err *err)
{
	int r;

	if (!is_supported_version(spec->oci_version))
		return err_say(err, EINVAL,
			"ociVersion \"%s\" is not supported, only 1.x is",
			spec->oci_version);
	for (size_t i = 0; i < spec->mounts.count; i++) {
		if (!*spec->mounts.items[i].destination)
			return err_say(
				err, EINVAL, "mounts[%zu].destination is empty", i);
	}
	if (spec->process.is_set) {
		r = check_process(&spec->process, err);
		if (r < 0)
			return r;
	}
	return check_all_hooks(spec, err);
}

/* Parses a document and decodes its root by one table. */
static int parse_with(const struct json_field *fields, const char *text, size_t len,
	void *out, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (len > SPEC_SIZE_MAX)
		return err_say(err, EFBIG, "the document is larger than %u MiB",
			SPEC_SIZE_MAX >> 20);
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return r;
	return json_decode(json_root(doc), fields, out, err);
}

int spec_parse(const char *text, size_t len, struct spec **ret, struct err *err)
{
	cleanup_spec struct spec *spec = spec_new();
	int r;

	if (!spec)
		return err_oom(err);
	r = parse_with(spec_fields, text, len, spec, err);
	if (r < 0)
		return r;
	r = check_spec(spec, err);
	if (r < 0)
		return r;
	*ret = take_ptr(spec);
	return 0;
}

void spec_write(struct json_writer *w, const char *key, const struct spec *spec)
{
	jw_object(w, key);
	json_encode(w, spec_fields, spec);
	jw_object_end(w);
}

int spec_parse_process(
	const char *text, size_t len, struct spec_process *ret, struct err *err)
{
	struct spec_process process = { .is_set = true };
	int r;

	r = parse_with(spec_process_fields, text, len, &process, err);
	if (r == 0)
		r = check_process(&process, err);
	if (r < 0) {
		spec_process_done(&process);
		return r;
	}
	*ret = process;
	return 0;
}

void spec_process_done(struct spec_process *process)
{
	json_release(spec_process_fields, process);
}

void spec_resources_done(struct spec_resources *resources)
{
	json_release(spec_resources_fields, resources);
}
