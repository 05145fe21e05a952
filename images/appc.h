/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an App Container Image (the appc specification, 0.8.11) says about running it that an
 * OCI configuration has no words for. It is kept in the configuration as the member
 * "config.appc", which only this runtime reads. Everything here narrows what a task may do, or
 * is a word of the image's own: nothing can widen a default.
 */
#ifndef UCR_IMAGES_APPC_H
#define UCR_IMAGES_APPC_H

#include "common/json.h"
#include "common/str.h"

struct appc_mount_point {
	char *name, *path;
	bool is_read_only;
};

struct image_appc {
	bool is_set;
	strv pre_start, post_stop; /* commands run before and after the image's own */
	strv supplementary_gids;   /* decimal numbers */
	struct {
		struct appc_mount_point *items;
		size_t count;
	} mount_points;
	bool retains_capabilities;
	strv capabilities_retain, capabilities_remove; /* "CAP_CHOWN" */
	bool no_new_privileges;
	uint64_t memory_limit; /* bytes; 0: not said */
	uint64_t cpu_limit;    /* thousandths of a processor; 0: not said */
	uint64_t cpu_shares;   /* 0: not said */
	int32_t oom_score_adj; /* 0: not said */
	strv sysctls;	       /* "name=value" */
	bool has_seccomp, seccomp_is_retain_set;
	strv seccomp_set;
	char *seccomp_errno;	/* "ENOTSUP"; NULL or "": the task is killed */
	bool needs_working_dir; /* a missing one is an error and is not made */
};

/* The members of "config.appc"; json_encode() and json_decode() take it both. */
extern const struct json_field image_appc_fields[];

void image_appc_done(struct image_appc *appc);

#endif
