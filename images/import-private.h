/* SPDX-License-Identifier: Apache-2.0 */
/* One import, passed along by the files that do its parts. */
#ifndef UCR_IMAGES_IMPORT_PRIVATE_H
#define UCR_IMAGES_IMPORT_PRIVATE_H

#include "images/import-source.h"
#include "images/store-private.h"
#include "images/store-tmp.h"
#include "images/unpacker.h"

struct artifact;
struct pull;
struct json_writer;

struct import_layer {
	struct image_layer layer; /* ids are "" as long as only unpacking can tell them */
	char key[LAYER_KEY_MAX];  /* once the chain id is known */
	int name_fd;		  /* holds the key's name while it is made; -1 */
	int dir_fd;  /* its directory in the store, locked against collection */
	bool is_new; /* it is in the staging directory, not in layers/ */
	bool is_done;
	bool may_index; /* an EROFS image may point into the archive */
};

struct import_blob {
	char digest[DIGEST_MAX]; /* "": there is none */
	char *data;
	size_t len;
};

struct import {
	struct store *store;
	const struct import_request *request;
	const struct reference *ref;
	struct import_source source;
	char stage_name[STORE_NAME_MAX];
	int stage_fd;
	int lease_fd; /* of the image, once it is recorded; -1 */
	struct helper unpacker;
	struct pull *pull;	   /* NULL: an archive is imported */
	struct artifact *artifact; /* NULL: it is an image, as far as is known */
	int blobs_fd; /* where the blobs come that are kept as they are; -1 */
	char *format;
	strv names; /* full */
	struct image_config image_config;
	struct import_blob config, manifest;
	struct import_layer layers[IMAGE_LAYERS_MAX];
	size_t layer_count;
	size_t sent_count; /* layers that ucr-unpack was told of */
};

/* ---- import-layers.c: which layers to make ---- */

/* With the config known: names the chains, holds those that exist, stages the others. */
int import_plan_layers(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Tells ucr-unpack about the layers, in order, as far as they are here. */
int import_send_layers(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Takes over the EROFS image of a layer, and shows it to ucr-unpack. */
int import_take_erofs(struct import *import, size_t layer, const struct ipc_msg *msg,
	bool has_archive, struct err *err) __attribute__((warn_unused_result));
/* Moves what was staged into layers/. */
int import_commit_layers(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* A layer has a link to the archive. */
bool import_has_links(const struct import *import);
void import_release_layers(struct import *import);

/* ---- import-talk.c: the conversation with ucr-unpack ---- */

/* From REQUEST to DONE: afterwards config, layers, names and format are complete and
 * checked. */
int import_talk(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
void import_write_platform(struct json_writer *w, const struct platform *platform);
/* The notes of DONE. */
int import_take_notes(const struct import_request *request, const struct ipc_msg *msg,
	struct err *err) __attribute__((warn_unused_result));
void import_note(const struct import_request *request, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Decodes the payload of a message by a table. */
int import_decode(const struct ipc_msg *msg, const struct json_field *fields, void *out,
	struct err *err) __attribute__((warn_unused_result));

/* ---- import-image.c: what it says the image is ---- */

/* IMAGE: takes over what it says, plans the layers and tells ucr-unpack. */
int import_on_image(struct import *import, const struct ipc_msg *msg, struct err *err)
	__attribute__((warn_unused_result));
/* Reads a document; its digest is computed, not believed. */
int import_read_blob(int fd, struct import_blob *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Parses import->config; the layers must be those that it lists. */
int import_adopt_config(struct import *import, struct err *err)
	__attribute__((warn_unused_result));

/* The configuration that the request wants instead, of the same layers; and its name. */
int import_build_config(struct import *import, struct err *err)
	__attribute__((warn_unused_result));

/* ---- import-names.c ---- */

/* The names an archive gives its image, in full. What is no name becomes a note. */
int import_set_names(struct import *import, char *const *names, struct err *err)
	__attribute__((warn_unused_result));

/* ---- import-commit.c: what was made becomes visible ---- */

/* What the store knows it by: its configuration's digest, an artifact's manifest's. */
const char *import_id(const struct import *import);
/* Makes the image visible; the last step is the source's. */
int import_commit(struct import *import, struct err *err)
	__attribute__((warn_unused_result));

#endif
