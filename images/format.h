/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image formats: what turns a bundle, or one archive, into a configuration and layers.
 * One const table each; the first whose probe() says yes is the format.
 */
#ifndef UCR_IMAGES_FORMAT_H
#define UCR_IMAGES_FORMAT_H

#include "common/buf.h"
#include "images/bundle.h"
#include "images/platform.h"

struct format_layer {
	char *media_type;
	char *member;		  /* its file in the bundle; NULL: the whole archive */
	char digest[DIGEST_MAX];  /* of the blob, "" when nobody says */
	char diff_id[DIGEST_MAX]; /* of the tar in it, "" when nobody says */
	uint64_t size;		  /* of the blob, 0 when nobody says */
};

/* An image found. */
struct found_image {
	const struct image_format *format;
	strv names; /* as written in the archive */
	char *manifest;
	size_t manifest_len;
	char manifest_digest[DIGEST_MAX]; /* "" without a manifest */
	bool is_artifact;		  /* its layers are whatever they are */
	char *config; /* NULL: make_config() when all layers are known */
	size_t config_len;
	char *seed; /* what the format's make_config() starts from; may be NULL */
	size_t seed_len;
	struct format_layer *layers;
	size_t layer_count;
};

#define cleanup_found cleanup_with(found_image_done)
void found_image_done(struct found_image *image);

/* One more layer, zeroed, lowest first. NULL and an error when there are too many. */
struct format_layer *found_image_add_layer(struct found_image *image, struct err *err);

/* The only one: the whole archive. */
int found_image_add_archive(struct found_image *image, struct err *err)
	__attribute__((warn_unused_result));

/* Parses the configuration and gives each layer its diff_id; the counts must agree. */
int found_image_check_config(struct found_image *image, struct err *err)
	__attribute__((warn_unused_result));

/* The "rootfs" member of a configuration. */
void format_write_rootfs(struct json_writer *w, const struct found_image *image);

struct find_request {
	const char *tag;	  /* NULL: the only image there is */
	struct platform platform; /* resolved */
};

struct image_format {
	const char *name;	  /* as in a request */
	const char *archive_name; /* what it is called when the bundle is an archive */
	bool (*probe)(const struct bundle *b);
	int (*find)(const struct bundle *b, const struct find_request *request,
		struct found_image *ret, struct err *err);
	/* Writes the configuration of an image that came without one. */
	int (*make_config)(const struct found_image *image,
		const struct platform *platform, struct buf *ret, struct err *err);
};

extern const struct image_format format_aci, format_docker, format_docker_v1, format_oci,
	format_tar;

/* Says that not one but `matches` images fit `tag` (NULL: none was given), and lists the
 * `names` of all there are. */
int format_choice_error(
	const char *tag, char *const *names, size_t matches, struct err *err);

/* True when a person who writes `tag` means the name `name` ("docker.io/library/alpine:3"
 * is meant by "alpine:3", "3" and "docker.io/library/alpine:3"; what podman calls
 * "localhost/app:1" by "app:1"). */
bool format_name_matches(const char *name, const char *tag);

#endif
