/* SPDX-License-Identifier: Apache-2.0 */
/* What ucr-unpack says the image is, its documents, and whether they agree. */
#include "images/import-aci.h"
#include "images/import-artifact.h"
#include "images/pull.h"

#include "common/fd.h"

#include <errno.h>
#include <sys/stat.h>

struct said_layer {
	char *diff_id;
};

struct said_image {
	char *format, *manifest_digest;
	bool has_config, is_artifact;
	strv names;
	struct {
		struct said_layer *items;
		size_t count;
	} layers;
};

static const struct json_field said_layer_fields[] = {
	{ "diff_id", json_string, offsetof(struct said_layer, diff_id) },
	{ 0 },
};
static const struct json_array_of said_layer_array = { sizeof(struct said_layer),
	said_layer_fields, NULL };

static const struct json_field said_image_fields[] = {
	{ "format", json_string, offsetof(struct said_image, format), true },
	{ "names", json_strv, offsetof(struct said_image, names) },
	{ "manifest_digest", json_string, offsetof(struct said_image, manifest_digest) },
	{ "has_config", json_bool, offsetof(struct said_image, has_config), true },
	{ "is_artifact", json_bool, offsetof(struct said_image, is_artifact) },
	{ "layers", json_array, offsetof(struct said_image, layers), true,
		&said_layer_array },
	{ 0 },
};

static void said_image_done(struct said_image *said)
{
	for (size_t i = 0; i < said->layers.count; i++)
		free(said->layers.items[i].diff_id);
	free(said->layers.items);
	free(said->format);
	free(said->manifest_digest);
	strv_free(said->names);
}

/* A document that came as a descriptor; the digest is of what was read, not of what was
 * said. */
int import_read_blob(int fd, struct import_blob *ret, struct err *err)
{
	cleanup_free char *data = NULL;
	struct stat st;
	size_t len;
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_say(err, EPROTO,
			UNPACK_PROGRAM " sent something else than a document");
	r = fd_read_all(fd, IMAGE_CONFIG_MAX, &data, &len);
	if (r < 0)
		return err_set(err, -r, "read from " UNPACK_PROGRAM);
	hash_of(data, len, ret->digest);
	free(ret->data);
	ret->data = take_ptr(data);
	ret->len = len;
	return 0;
}

/* The configuration says which layers there are: it has the last word. */
int import_adopt_config(struct import *import, struct err *err)
{
	struct image_config config;
	size_t count;
	int r;

	r = image_config_parse(import->config.data, import->config.len, &config, err);
	if (r < 0)
		return r;
	image_config_done(&import->image_config);
	import->image_config = config;
	count = strv_len(config.diff_ids);
	if (count != import->layer_count)
		return err_say(err, EINVAL,
			"the image has %zu layers, but its configuration lists %zu",
			import->layer_count, count);
	for (size_t i = 0; i < count; i++) {
		char *known = import->layers[i].layer.diff_id;

		if (*known && !str_eq(known, config.diff_ids[i]))
			return err_say(err, EBADMSG,
				"layer %zu is %s, but the configuration lists %s", i,
				known, config.diff_ids[i]);
		memcpy(known, config.diff_ids[i], DIGEST_MAX - 1);
	}
	return 0;
}

/* What the unpacker made up is thrown away but for the platform and the layers. */
static int build_config(struct import *import, struct buf *ret, struct err *err)
{
	const struct import_build *build = import->request->build;
	struct json_writer w = JSON_WRITER(ret);
	struct image_config config = build->config;

	config.os = import->image_config.os;
	config.architecture = import->image_config.architecture;
	config.variant = import->image_config.variant;
	config.diff_ids = import->image_config.diff_ids;
	image_config_write(&w, &config, build->comment);
	return buf_finish(ret) < 0 ? err_oom(err) : 0;
}

int import_build_config(struct import *import, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	char full[REFERENCE_NAME_MAX];
	int r;

	r = build_config(import, &text, err);
	if (r < 0)
		return r;
	import->config.len = text.len;
	hash_of(text.data, text.len, import->config.digest);
	free(import->config.data);
	import->config.data = buf_take(&text);
	if (!import->config.data)
		return err_oom(err);
	r = import_adopt_config(import, err);
	if (r < 0 || !import->request->build->name)
		return r;
	r = reference_normalize(import->request->build->name, full, err);
	return r == 0 && strv_add(&import->names, full) < 0 ? err_oom(err) : r;
}

static int adopt_layers(
	struct import *import, const struct said_image *said, struct err *err)
{
	if (said->layers.count > IMAGE_LAYERS_MAX)
		return err_say(err, E2BIG, "the image has %zu layers, more than %d",
			said->layers.count, IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < said->layers.count; i++) {
		const char *diff_id = said->layers.items[i].diff_id;

		import->layers[i] = (struct import_layer){ .name_fd = -1, .dir_fd = -1 };
		import->layer_count = i + 1;
		if (!diff_id)
			continue;
		if (!digest_is_valid(diff_id))
			return err_say(
				err, EPROTO, UNPACK_PROGRAM " named an invalid digest");
		memcpy(import->layers[i].layer.diff_id, diff_id, strlen(diff_id) + 1);
	}
	return 0;
}

static int adopt_documents(struct import *import, const struct said_image *said,
	const struct ipc_msg *msg, struct err *err)
{
	size_t next = 0;
	int r = 0;

	if (msg->fd_count != (size_t)said->has_config + !!said->manifest_digest)
		return err_say(
			err, EPROTO, UNPACK_PROGRAM " sent %zu documents", msg->fd_count);
	if (said->is_artifact && msg->fd_count != 2)
		return err_say(err, EPROTO, UNPACK_PROGRAM " sent half an artifact");
	if (said->has_config)
		r = import_read_blob(msg->fds[next++], &import->config, err);
	if (r == 0 && said->has_config && !said->is_artifact)
		r = import_adopt_config(import, err);
	if (r == 0 && said->manifest_digest)
		r = import_read_blob(msg->fds[next], &import->manifest, err);
	if (r == 0 && said->manifest_digest &&
		!str_eq(said->manifest_digest, import->manifest.digest))
		r = err_say(err, EBADMSG, "the manifest is %s, but was named %s",
			import->manifest.digest, said->manifest_digest);
	return r;
}

/* By the person's word, or by what was found. */
static bool is_aci(const struct import *import)
{
	const char *asked = import->ref->format;

	return str_eq(import->format, "aci") || (asked && str_eq(asked, "aci"));
}

/* What it is, whatever becomes of it. */
static int adopt_image(struct import *import, const struct ipc_msg *msg,
	bool *ret_is_artifact, struct err *err)
{
	struct said_image said = { 0 };
	int r;

	if (import->format)
		return err_say(err, EPROTO, UNPACK_PROGRAM " named two images");
	r = import_decode(msg, said_image_fields, &said, err);
	if (r == 0 && !said.is_artifact)
		r = adopt_layers(import, &said, err);
	if (r == 0)
		r = adopt_documents(import, &said, msg, err);
	if (r == 0) {
		import->format = take_ptr(said.format);
		r = import_set_names(import, said.names, err);
	}
	*ret_is_artifact = said.is_artifact;
	said_image_done(&said);
	return r;
}

int import_on_image(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	bool is_artifact = false;
	int r;

	r = adopt_image(import, msg, &is_artifact, err);
	if (r == 0 && is_artifact)
		return import_artifact_load(import, err);
	if (r == 0 && is_aci(import))
		r = import_aci_check(import, err);
	if (r == 0)
		r = import_plan_layers(import, err);
	if (r == 0 && import->pull)
		r = pull_want(import, err);
	return r == 0 ? import_send_layers(import, err) : r;
}
