/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to a path that somebody else wrote (an image, a task, a configuration).
 *
 * Every such path is resolved by openat2(2) beneath a directory descriptor; no untrusted
 * name is ever joined to a host path. Two scopes: in root   links and ".." are resolved
 * as if the descriptor were "/" (RESOLVE_IN_ROOT): a container's view of its own root
 * file system; beneath   no link is followed at all and nothing leads out
 * (RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS): our own state, logs and sandboxes. Magic links
 * (/proc/PID/fd/…) are refused in both. Needs Linux 5.6; there is no fall-back.
 */
#ifndef UCR_COMMON_PATH_H
#define UCR_COMMON_PATH_H

#include <stdint.h>
#include <sys/types.h>

/* Room for path_of_fd(). */
#define PATH_OF_FD_MAX 40

/* open(2) with `flags` (O_CLOEXEC is added) and, with O_CREAT, `mode`. The fd or -errno.
 */
int path_open_in_root(int root_dirfd, const char *path, int flags, mode_t mode)
	__attribute__((warn_unused_result));
int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
	__attribute__((warn_unused_result));
/* The same in another scope: `resolve` as openat2(2) has it, without magic links in any case. */
int path_open_scoped(int dirfd, const char *path, int flags, mode_t mode,
	uint64_t resolve) __attribute__((warn_unused_result));

/*
 * mkdir -p in the scope of a root: walks component by component on the descriptors it
 * opens, follows existing links inside the root, makes what is missing with `mode` and
 * the given owner. Returns an O_PATH descriptor of the directory, or -errno; -ENOTDIR
 * when a component is something else.
 */
int path_mkdir_in_root(int root_dirfd, const char *path, mode_t mode, uid_t uid,
	gid_t gid) __attribute__((warn_unused_result));

/*
 * Makes sure that `path` exists in the root as a mount target: a directory, or with
 * `want_file` an empty regular file; parents are made. What exists is opened as it is.
 * Returns an O_PATH descriptor (final links resolved inside the root), or -errno.
 */
int path_make_target(int root_dirfd, const char *path, int want_file)
	__attribute__((warn_unused_result));

/* "/proc/self/fd/N": how an fd is named to a system call that only takes paths. */
const char *path_of_fd(int fd, char ret[PATH_OF_FD_MAX]);

/* Absolute, canonical form of a path as text: no "//", ".", ".."; always begins with '/'.
 * Heap string, NULL when out of memory. For comparing and display, never for opening. */
char *path_clean(const char *path) __attribute__((warn_unused_result));

/* What of `path` is below `dir`, as text ("" for `dir` itself), or NULL when it is not below.
 * Both as path_clean() writes them; `dir` may also be "", or end in "/" and is then not below
 * itself. Points into `path`. */
const char *path_below(const char *path, const char *dir);

/* The last component ("" for "/"). Points into `path`. */
const char *path_base(const char *path);

#endif
