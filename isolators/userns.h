/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces and their id maps: written directly where the writer may, else through
 * newuidmap and newgidmap of the package uidmap, which check /etc/subuid and /etc/subgid.
 */
#ifndef UCR_ISOLATORS_USERNS_H
#define UCR_ISOLATORS_USERNS_H

#include "isolators/isolator.h"

/* How a normal user's containers are mapped: inside 0 is the user, inside 1… are the
 * subordinate ranges. Without ranges only 0 is mapped and *ret_is_single is true.
 * `etc_dirfd` holds passwd, subuid, subgid. The maps belong to the caller (free() of
 * items). */
int userns_default_maps(int etc_dirfd, uid_t uid, gid_t gid,
	struct spec_id_maps *ret_uids, struct spec_id_maps *ret_gids, bool *ret_is_single,
	struct err *err) __attribute__((warn_unused_result));

/* Writes both maps of a process whose user namespace is new. */
int userns_write_maps(pid_t pid, const struct spec_id_maps *uids,
	const struct spec_id_maps *gids, struct err *err)
	__attribute__((warn_unused_result));

/* A user namespace with these maps and nobody in it: for id-mapped mounts, and to
 * setns(2) into. */
int userns_open(const struct spec_id_maps *uids, const struct spec_id_maps *gids,
	int *ret_fd, struct err *err) __attribute__((warn_unused_result));
/* The descriptor of one with the maps of the container, made when first asked for; it stays
 * the isolation's. In the parent, after prepare. */
int userns_for_mounts(struct isolation *isolation, struct err *err)
	__attribute__((warn_unused_result));
/* The same with the caller's default maps: the namespace in which a normal user unpacks
 * and removes files of subordinate ids. Become its root by userns_enter(). */
int userns_open_rootless(int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));

/* setns(2) into it and become its uid 0 and gid 0 without other groups. For a forked
 * child. */
int userns_enter(int userns_fd, struct err *err) __attribute__((warn_unused_result));
/* The second half alone: for a process that was cloned into it and whose maps are
 * written. */
int userns_become_root(struct err *err) __attribute__((warn_unused_result));

/* prepare: default maps for a rootless container that names none; has_new_userns.
 * attach: writes the maps. isolate: becomes root inside. First in the registry. */
extern const struct isolator userns_isolator;

#endif
