/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that implement agentd/container.h share. */
#ifndef UCR_AGENTD_CONTAINER_PRIVATE_H
#define UCR_AGENTD_CONTAINER_PRIVATE_H

#include "agentd/container.h"

#define CONTAINER_ID_MAX 65 /* 64 digits and a NUL */
#define CONTAINER_FILE_MAX (1U << 20)
#define CONTAINER_GONE_PREFIX ".gone-" /* of what is being removed */

/* Loads the container of a full id. -ENOENT when there is none (no error text is set). */
int container_load(struct engine *engine, const char *id, struct container **ret,
	struct err *err) __attribute__((warn_unused_result));

/* The directory of a full id, or -errno. */
int container_open(struct engine *engine, const char *id)
	__attribute__((warn_unused_result));
/* What the runtime was asked for. */
struct spec;
int container_spec(int container_dirfd, struct spec **ret, struct err *err)
	__attribute__((warn_unused_result));
int engine_cgroups(struct engine *engine, struct cgroup_host **ret, struct err *err)
	__attribute__((warn_unused_result));

bool container_is_full_id(const char *s);
/* Calls `fn` for each name in a directory that begins with `prefix`, until it returns less than 0. */
int container_each(int dirfd, const char *prefix, int (*fn)(const char *name, void *arg),
	void *arg) __attribute__((warn_unused_result));
/* The full id that a name in a directory of names stands for; a full id stands for itself. -ENOENT:
 * it is neither. */
int container_resolve(int names_dirfd, const char *reference, char ret[CONTAINER_ID_MAX])
	__attribute__((warn_unused_result));
/* -ENOENT */
int container_say_none(const char *reference, struct err *err);

/* Newest first. */
void container_list_sort(struct container_list *list);

/* Writes container.json. */
int container_save(const struct container *container, struct err *err)
	__attribute__((warn_unused_result));

/* Serializes clean-up and removal: held while the returned descriptor is open. */
int container_lock(const struct container *container) __attribute__((warn_unused_result));
bool container_is_locked(const struct container *container);

/*
 * The lock that the launcher takes on rootfs/ and hands on to the shim: as long as
 * somebody holds it, the container has a supervisor that will write `exit`.
 */
int container_supervise(int container_dirfd) __attribute__((warn_unused_result));
bool container_is_supervised(int container_dirfd);

/* The final usage (`usage`), written by clean-up; reading an absent one changes nothing.
 */
int container_write_final(const struct container *container,
	const struct cgroup_usage *usage, struct err *err)
	__attribute__((warn_unused_result));
/* False: there is none. */
bool container_read_final(int dirfd, int64_t *ret_started, struct container_end *end);

/* Limits its processes, where it has a cgroup that can. */
int container_limit_pids(struct engine *engine, const struct container *container,
	int64_t limit, struct err *err) __attribute__((warn_unused_result));

/* Removes all files of an ended container, cleaned up or not, and its name. */
int container_erase(struct engine *engine, const struct container *container,
	struct err *err) __attribute__((warn_unused_result));
/* The same of one whose launch failed, wherever that was: its process ends, too. */
int container_abandon(struct engine *engine, const struct container *container,
	struct err *err) __attribute__((warn_unused_result));
/* Removes what container_erase() put out of sight under this name. */
int container_erase_gone(struct engine *engine, const char *gone, struct err *err)
	__attribute__((warn_unused_result));

#endif
