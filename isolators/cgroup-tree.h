/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind isolators/cgroup.h. Nobody else includes this.
 *
 * The host is a list of hierarchies: trees of one version each. A cgroup is a list of
 * parts: one directory in each hierarchy that it needs. Everything that differs between
 * versions is in the hierarchy's backend, so hybrid is no case of its own: it is a list
 * that holds both kinds. The v2 tree comes first in the list; what it can do by itself
 * (kill, freeze, cpu time) then comes from it, and no v1 hierarchy has to be joined for
 * that.
 */
#ifndef UCR_ISOLATORS_CGROUP_TREE_H
#define UCR_ISOLATORS_CGROUP_TREE_H

#include "common/err.h"
#include "common/spec-resources.h"
#include "isolators/cgroup-controllers.h"
#include "isolators/cgroup.h"

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_HIERARCHIES_MAX 16
#define CGROUP_NAME_ROOM 64
#define CGROUP_PLACE_ROOM 1024
/* The longest path below the root descriptor: the hierarchy's folder and a place. */
#define CGROUP_PATH_ROOM (CGROUP_NAME_ROOM + CGROUP_PLACE_ROOM)
#define CGROUP_FILE_ROOM 16384

struct cgroup_backend;

struct cgroup_hierarchy {
	const struct cgroup_backend *backend;
	char key[CGROUP_NAME_ROOM]; /* its first controller; "unified" for the v2 tree */
	char folder[CGROUP_NAME_ROOM]; /* below the root descriptor; "." for v2 alone */
	const char *place; /* the caller's own cgroup in it: "/", "/a/b"; in host->text */
	uint32_t controllers;
};

struct cgroup_host {
	int root_dirfd, proc_dirfd;
	char *text; /* of /proc/self/cgroup, cut up */
	struct cgroup_hierarchy items[CGROUP_HIERARCHIES_MAX];
	size_t count;
};

struct cgroup_part {
	const struct cgroup_hierarchy *hierarchy;
	int dirfd;     /* O_PATH */
	bool is_new;   /* made by this process */
	bool is_unset; /* its limits are about to be set for the first time */
};

struct cgroup {
	const struct cgroup_host *host;
	char *path;
	struct cgroup_part parts[CGROUP_HIERARCHIES_MAX];
	size_t count;
};

/* One line of /proc/self/cgroup: "4:memory:/a/b". */
struct cgroup_line {
	const char *controllers; /* "" for v2 */
	const char *place;
};

struct cgroup_backend {
	const char *name;
	/* 1: the line is a hierarchy of this kind, mounted beneath root_dirfd; *ret has
	 * folder and controllers. 0: it is not. */
	int (*probe)(int root_dirfd, const struct cgroup_line *line,
		struct cgroup_hierarchy *ret);
	/* Makes the controllers usable in the directory `path`; when new, also for
	 * processes. */
	int (*enable)(const struct cgroup_host *host, const struct cgroup_part *part,
		const char *path, uint32_t required, struct err *err);
	int (*set)(const struct cgroup_part *part, const struct spec_resources *resources,
		struct err *err);
	/* The device rules; a new cgroup without rules is denied all but the defaults. */
	int (*set_devices)(const struct cgroup_part *part,
		const struct spec_device_rules *rules, struct err *err);
	/* Overwrites what it knows. */
	void (*usage)(const struct cgroup_part *part, struct cgroup_usage *usage);
	bool (*is_frozen)(const struct cgroup_part *part);
	/* Returns when all inside are frozen, or right after the thaw. */
	int (*freeze)(const struct cgroup_part *part, bool is_on, struct err *err);
	/* Kills all at once. -EOPNOTSUPP: freeze, signal and thaw instead. */
	int (*kill)(const struct cgroup_part *part);
	/* Whether anything lives in it or below it. */
	bool (*is_populated)(const struct cgroup_part *part);
	bool can_clone_into; /* CLONE_INTO_CGROUP works */
	bool is_exclusive; /* processes and controllers exclude each other in a directory
			    */
};

extern const struct cgroup_backend cgroup_v1_backend, cgroup_v2_backend;

/* ---- cgroup-path.c ---- */
/* "<folder>/<path of this hierarchy>" out of a path as cgroup_choose_path() makes it. */
int cgroup_path_in(const char *path, const struct cgroup_hierarchy *hierarchy,
	char ret[CGROUP_PATH_ROOM], struct err *err) __attribute__((warn_unused_result));

/* ---- cgroup.c ---- */
/* The part whose backend can freeze and list every process of the cgroup. */
const struct cgroup_part *cgroup_anchor(const struct cgroup *cgroup);

/* ---- cgroup-host.c ---- */
const struct cgroup_hierarchy *cgroup_host_find(
	const struct cgroup_host *host, uint32_t bit);
/* False when this process has no power over the host: not root, or root of a new user
 * namespace only. */
bool cgroup_host_is_privileged(const struct cgroup_host *host);

#endif
