/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image as the store knows it: immutable, named by the sha256 of its configuration
 * (its id, as docker's IMAGE ID), with the chain of layers that make its root file
 * system. Or an artifact (images/artifact.h), which is named by its manifest and has no layers.
 */
#ifndef UCR_IMAGES_IMAGE_H
#define UCR_IMAGES_IMAGE_H

#include "common/err.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/json-writer.h"
#include "common/str.h"
#include "images/appc.h"

#define IMAGE_CONFIG_MAX (4U << 20)
#define IMAGE_LAYERS_MAX 127

struct image_layer {
	char diff_id[DIGEST_MAX];  /* of the uncompressed tar */
	char chain_id[DIGEST_MAX]; /* of this layer on top of those below: its name in the
				      store */
	uint64_t size;		   /* bytes unpacked */
};

/* A layer as the registry has it, kept as it came. */
struct image_blob {
	char digest[DIGEST_MAX];
	uint64_t size;
	char *media_type;
};

/* The part of the OCI image configuration that running it needs. */
struct image_config {
	char *os, *architecture, *variant, *created, *author;
	char *user;
	strv env, entrypoint, cmd;
	char *working_dir, *stop_signal;
	strv volumes;	    /* paths */
	strv exposed_ports; /* "80/tcp" */
	strv labels;	    /* "key=value" */
	strv diff_ids;
	struct image_appc appc;
};

struct image {
	char id[DIGEST_MAX];
	char manifest_digest[DIGEST_MAX]; /* "" when the archive had none */
	char *format;	     /* "docker-archive", "oci", "oci-archive", "tar" */
	char *artifact_type; /* NULL: it is an image. Else config and layers are empty */
	strv names;	     /* "docker.io/library/alpine:3" */
	struct image_config config;
	struct image_layer *layers;
	size_t layer_count;
	/* Of a pulled image, one for each layer; all that an artifact has but its manifest. */
	struct image_blob *blobs;
	size_t blob_count;
	uint64_t size;	  /* sum of the layers', or of an artifact's blobs */
	int64_t imported; /* seconds since the epoch */
	int lease_fd;	  /* -1, or keeps it from being collected until image_free() */
};

#define cleanup_image cleanup_with(image_free_ptr)

void image_free(struct image *image);
static inline void image_free_ptr(struct image **image)
{
	image_free(*image);
}

struct image_list {
	struct image **items;
	size_t count;
};
#define cleanup_image_list cleanup_with(image_list_done)
void image_list_done(struct image_list *list);

/* The chain id of a layer on top of the chain `below` (NULL: it is the lowest). */
void image_chain_id(const char *below, const char *diff_id, char ret[DIGEST_MAX]);

/* The image configuration document. Refuses an artifact's (no rootfs) with a clear word.
 */
int image_config_parse(const char *text, size_t len, struct image_config *ret,
	struct err *err) __attribute__((warn_unused_result));
/* The document again, with the labels, and "history" of one step where there is a `comment`. */
void image_config_write(
	struct json_writer *w, const struct image_config *config, const char *comment);
void image_config_done(struct image_config *config);

#endif
