/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image manifest of an App Container Image: parsed by tables, then checked against the
 * rules of the appc specification (aci.md, types.md). What a manifest says is hostile; after
 * aci_manifest_parse() every name, path and number in it has the form that it must have.
 */
#ifndef UCR_IMAGES_ACI_MANIFEST_H
#define UCR_IMAGES_ACI_MANIFEST_H

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"

#define ACI_MANIFEST_NAME "manifest"
#define ACI_ROOTFS_NAME "rootfs"
#define ACI_IMAGE_ID_PREFIX "sha512-"

struct aci_pair {
	char *name, *value;
};

struct aci_pairs {
	struct aci_pair *items;
	size_t count;
};

struct aci_dependency {
	char *image_name;
	char *image_id; /* "sha512-HEX", HEX of 32 to 128 digits; may be NULL */
	struct aci_pairs labels;
	uint64_t size; /* bytes; 0: not said */
};

struct aci_handler {
	char *name; /* "pre-start", "post-stop" */
	strv exec;
};

struct aci_mount_point {
	char *name, *path;
	bool is_read_only;
};

struct aci_port {
	char *name, *protocol;
	uint32_t port, count;
};

struct aci_app {
	bool is_set;
	strv exec;
	char *user, *group, *working_directory;
	struct {
		uint32_t *items;
		size_t count;
	} supplementary_gids;
	struct {
		struct aci_handler *items;
		size_t count;
	} handlers;
	struct aci_pairs environment;
	struct {
		struct aci_mount_point *items;
		size_t count;
	} mount_points;
	struct {
		struct aci_port *items;
		size_t count;
	} ports;
	strv user_labels; /* and userAnnotations: "name=value" */
};

struct aci_manifest {
	struct json_doc *doc;
	const struct json *isolators; /* an array of {"name", "value"}, or NULL; in doc */
	char *kind, *version, *name;
	struct aci_pairs labels, annotations;
	struct aci_app app;
	struct {
		struct aci_dependency *items;
		size_t count;
	} dependencies;
	strv path_whitelist; /* absolute paths as written */
};

#define cleanup_aci_manifest cleanup_with(aci_manifest_done)

int aci_manifest_parse(const char *text, size_t len, struct aci_manifest *ret,
	struct err *err) __attribute__((warn_unused_result));
void aci_manifest_done(struct aci_manifest *manifest);

/* The value of the name, or NULL. */
const char *aci_pairs_get(const struct aci_pairs *pairs, const char *name);

/* Whether an image with these labels is one that `wanted` asks for: every label of `wanted`
 * is there with the same value. */
bool aci_labels_match(const struct aci_pairs *wanted, const struct aci_pairs *labels);

#endif
