/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime configuration (config.json, runtime-spec 1.0 to 1.3) as plain structs.
 *
 * Names follow the JSON's, in snake_case. Strings and vectors belong to the struct;
 * absent strings are NULL, absent lists have count 0, an absent number is told by its
 * has_ flag. spec_parse() checks types and ranges and refuses what the specification
 * forbids; whether the host can honour a value is the isolators' business. Unknown
 * members are ignored.
 */
#ifndef UCR_COMMON_SPEC_H
#define UCR_COMMON_SPEC_H

#include "common/err.h"
#include "common/json.h"
#include "common/spec-linux.h"
#include "common/spec-process.h"
#include "common/str.h"

#define SPEC_SIZE_MAX (4U << 20)
#define SPEC_VERSION "1.2.0"

struct spec_mount {
	char *destination;
	char *type;
	char *source;
	strv options;
	struct spec_id_maps uid_mappings, gid_mappings;
	/* Not of the JSON: a bind's source that the caller has opened; `source` only names it. */
	bool has_source_fd;
	int source_fd; /* borrowed */
};

struct spec_mounts {
	struct spec_mount *items;
	size_t count;
};

struct spec_hook {
	char *path;
	strv args;
	strv env;
	bool has_timeout;
	int64_t timeout; /* seconds */
};

struct spec_hooks {
	struct spec_hook *items;
	size_t count;
};

struct spec {
	char *oci_version;
	char *hostname;
	char *domainname;
	struct {
		char *path;
		bool readonly;
	} root;
	struct spec_process process;
	struct spec_mounts mounts;
	struct {
		struct spec_hooks prestart, create_runtime, create_container;
		struct spec_hooks start_container, poststart, poststop;
	} hooks;
	strv annotations; /* "key=value" */
	struct spec_linux linux_;
};

#define cleanup_spec cleanup_with(spec_free_ptr)

/* An empty specification to fill; spec_free() frees it and all it holds. */
struct spec *spec_new(void) __attribute__((warn_unused_result));
void spec_free(struct spec *spec);
static inline void spec_free_ptr(struct spec **spec)
{
	spec_free(*spec);
}

int spec_parse(const char *text, size_t len, struct spec **ret, struct err *err)
	__attribute__((warn_unused_result));
/* Writes config.json as an object: `key` NULL for a document of its own. */
void spec_write(struct json_writer *w, const char *key, const struct spec *spec);

/* The part that is also read alone: `ucr exec --process FILE`. */
int spec_parse_process(const char *text, size_t len, struct spec_process *ret,
	struct err *err) __attribute__((warn_unused_result));
void spec_process_done(struct spec_process *process);
void spec_resources_done(struct spec_resources *resources);

#endif
