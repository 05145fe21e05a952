/* SPDX-License-Identifier: Apache-2.0 */
#include "images/image.h"

#include <errno.h>

#define AT(member) offsetof(struct image_config, member)

/* {"80/tcp": {}, …}: a set written as an object, whose values mean nothing. */
static int decode_keys(const struct json *v, void *out, const void *arg, struct err *err)
{
	strv *ret = out;

	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object");
	json_each (member, v) {
		if (strv_add(ret, member->key) < 0)
			return err_oom(err);
	}
	return 0;
}

static int decode_diff_ids(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	strv *ret = out;
	int r;

	r = json_strv(v, out, NULL, err);
	if (r < 0)
		return r;
	if (strv_len(*ret) > IMAGE_LAYERS_MAX)
		return err_say(err, E2BIG, " has %zu layers, more than %d",
			strv_len(*ret), IMAGE_LAYERS_MAX);
	strv_each (id, *ret) {
		if (!digest_is_valid(*id))
			return err_say(err, EINVAL,
				" has no valid sha256 digest for layer %zu",
				(size_t)(id - *ret));
	}
	return 0;
}

/* The image-spec: an unknown type must be an error. */
static int decode_rootfs_type(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_STRING && str_eq(v->string, "layers"))
		return 0;
	return err_say(err, EINVAL, " must be \"layers\", nothing else is known");
}

/* Both objects are flattened into struct image_config: their offset is 0. */
static const struct json_field run_fields[] = {
	{ "User", json_string, AT(user) },
	{ "Env", json_strv, AT(env) },
	{ "Entrypoint", json_strv, AT(entrypoint) },
	{ "Cmd", json_strv, AT(cmd) },
	{ "WorkingDir", json_string, AT(working_dir) },
	{ "StopSignal", json_string, AT(stop_signal) },
	{ "Volumes", decode_keys, AT(volumes) },
	{ "ExposedPorts", decode_keys, AT(exposed_ports) },
	{ "Labels", json_string_map, AT(labels) },
	{ "appc", json_present, AT(appc), false, image_appc_fields },
	{ 0 },
};

static const struct json_field rootfs_fields[] = {
	{ "type", decode_rootfs_type, 0, true },
	{ "diff_ids", decode_diff_ids, AT(diff_ids) },
	{ 0 },
};

static const struct json_field fields[] = {
	{ "os", json_string, AT(os), true },
	{ "architecture", json_string, AT(architecture), true },
	{ "variant", json_string, AT(variant) },
	{ "created", json_string, AT(created) },
	{ "author", json_string, AT(author) },
	{ "config", json_object, 0, false, run_fields },
	{ "rootfs", json_object, 0, true, rootfs_fields },
	{ 0 },
};

static int decode(const struct json *root, struct image_config *ret, struct err *err)
{
	if (root->type != JSON_OBJECT)
		return err_say(err, EINVAL, "it is no JSON object");
	if (!json_get(root, "rootfs"))
		return err_say(err, EINVAL,
			"it has no root file system: this is an artifact, not an image to run");
	return json_decode(root, fields, ret, err);
}

int image_config_parse(
	const char *text, size_t len, struct image_config *ret, struct err *err)
{
	struct image_config config = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (len > IMAGE_CONFIG_MAX)
		return err_say(err, EFBIG,
			"the image configuration has %zu bytes, more than %u", len,
			IMAGE_CONFIG_MAX);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = decode(json_root(doc), &config, err);
	if (r < 0) {
		image_config_done(&config);
		return err_wrap(err, "image configuration");
	}
	*ret = config;
	return 0;
}

/* ---- writing ---- */

static void write_text(struct json_writer *w, const char *key, const char *value)
{
	if (!str_empty(value))
		jw_string(w, key, value);
}

static void write_list(struct json_writer *w, const char *key, char *const *list)
{
	if (list)
		jw_strv(w, key, list);
}

static void write_keys(struct json_writer *w, const char *key, char *const *names)
{
	if (!names)
		return;
	jw_object(w, key);
	strv_each (name, names) {
		jw_object(w, *name);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_run(struct json_writer *w, const struct image_config *config)
{
	jw_object(w, "config");
	write_text(w, "User", config->user);
	write_keys(w, "ExposedPorts", config->exposed_ports);
	write_list(w, "Env", config->env);
	write_list(w, "Entrypoint", config->entrypoint);
	write_list(w, "Cmd", config->cmd);
	write_keys(w, "Volumes", config->volumes);
	write_text(w, "WorkingDir", config->working_dir);
	if (config->labels)
		jw_string_map(w, "Labels", config->labels);
	write_text(w, "StopSignal", config->stop_signal);
	if (config->appc.is_set) {
		jw_object(w, "appc");
		json_encode(w, image_appc_fields, &config->appc);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_history(
	struct json_writer *w, const struct image_config *config, const char *comment)
{
	jw_array(w, "history");
	jw_object(w, NULL);
	write_text(w, "created", config->created);
	jw_string(w, "comment", comment);
	jw_object_end(w);
	jw_array_end(w);
}

void image_config_write(
	struct json_writer *w, const struct image_config *config, const char *comment)
{
	jw_object(w, NULL);
	write_text(w, "created", config->created);
	write_text(w, "author", config->author);
	jw_string(w, "architecture", config->architecture);
	write_text(w, "variant", config->variant);
	jw_string(w, "os", config->os);
	write_run(w, config);
	jw_object(w, "rootfs");
	jw_string(w, "type", "layers");
	jw_strv(w, "diff_ids", config->diff_ids);
	jw_object_end(w);
	if (comment)
		write_history(w, config, comment);
	jw_object_end(w);
}

void image_config_done(struct image_config *config)
{
	free(config->os);
	free(config->architecture);
	free(config->variant);
	free(config->created);
	free(config->author);
	free(config->user);
	strv_free(config->env);
	strv_free(config->entrypoint);
	strv_free(config->cmd);
	free(config->working_dir);
	free(config->stop_signal);
	strv_free(config->volumes);
	strv_free(config->exposed_ports);
	strv_free(config->labels);
	strv_free(config->diff_ids);
	image_appc_done(&config->appc);
}
