/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/image-json.h"

#include "common/timestamp.h"
#include "images/reference.h"
#include "images/store-blobs.h"

/* {"/data": {}}: the form of a Go set, which docker's fields have. */
static void write_set(struct json_writer *w, const char *key, char *const *names)
{
	jw_object(w, key);
	strv_each (name, names) {
		jw_object(w, *name);
		jw_object_end(w);
	}
	jw_object_end(w);
}

/* "alpine@sha256:…" of "docker.io/library/alpine:3". */
static void write_digest(struct json_writer *w, const char *name, const char *digest)
{
	const char *familiar = reference_familiar(name);
	int len = (int)(reference_tag_of(familiar) - familiar);
	cleanup_free char *text = str_printf("%.*s@%s", len, familiar, digest);

	jw_string(w, NULL, text);
}

void image_write_names(struct json_writer *w, char *const *names, const char *digest)
{
	jw_array(w, "RepoTags");
	strv_each (name, names) {
		if (*reference_tag_of(*name) == ':')
			jw_string(w, NULL, reference_familiar(*name));
	}
	jw_array_end(w);
	jw_array(w, "RepoDigests");
	strv_each (name, names) {
		if (*digest)
			write_digest(w, *name, digest);
	}
	jw_array_end(w);
}

static void write_config(struct json_writer *w, const struct image_config *config)
{
	jw_object(w, "Config");
	jw_string(w, "User", config->user ? config->user : "");
	jw_strv(w, "Env", config->env);
	jw_strv(w, "Entrypoint", config->entrypoint);
	jw_strv(w, "Cmd", config->cmd);
	jw_string(w, "WorkingDir", config->working_dir ? config->working_dir : "");
	jw_string(w, "StopSignal", config->stop_signal);
	write_set(w, "Volumes", config->volumes);
	write_set(w, "ExposedPorts", config->exposed_ports);
	jw_string_map(w, "Labels", config->labels);
	if (config->appc.is_set) {
		jw_object(w, "Appc");
		json_encode(w, image_appc_fields, &config->appc);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_layers(struct json_writer *w, const struct image *image)
{
	jw_object(w, "RootFS");
	jw_string(w, "Type", "layers");
	jw_array(w, "Layers");
	for (size_t i = 0; i < image->layer_count; i++)
		jw_string(w, NULL, image->layers[i].diff_id);
	jw_array_end(w);
	jw_object_end(w);
}

static void write_image(struct json_writer *w, const struct image *image)
{
	jw_string(w, "Created", image->config.created);
	jw_string(w, "Author", image->config.author ? image->config.author : "");
	jw_string(w, "Os", image->config.os);
	jw_string(w, "Architecture", image->config.architecture);
	jw_string(w, "Variant", image->config.variant ? image->config.variant : "");
	write_config(w, &image->config);
	write_layers(w, image);
}

/* All that is known of an artifact is its manifest. */
static int write_artifact(struct json_writer *w, struct store *store,
	const struct image *image, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = store_read_document(store, image->id, &text, &len, err);
	if (r == 0)
		r = json_parse(text, len, &doc, err);
	if (r < 0)
		return r;
	jw_string(w, "ArtifactType", image->artifact_type);
	jw_json(w, "Manifest", json_root(doc));
	return 0;
}

int image_write(struct json_writer *w, struct store *store, const struct image *image,
	struct err *err)
{
	cleanup_strv strv names = NULL;
	char imported[TIMESTAMP_MAX];
	int r;

	r = store_names(store, image->id, &names, err);
	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_string(w, "Id", image->id);
	image_write_names(w, names, image->manifest_digest);
	jw_string(w, "Digest", image->manifest_digest);
	jw_string(w, "Imported",
		timestamp_format(image->imported * TIMESTAMP_SECOND, imported));
	jw_string(w, "Format", image->format);
	jw_u64(w, "Size", image->size);
	if (image->artifact_type)
		r = write_artifact(w, store, image, err);
	else
		write_image(w, image);
	jw_object_end(w);
	return r;
}
