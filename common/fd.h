/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing whole files through descriptors. Everything is opened O_CLOEXEC.
 * Names given to the *_at functions are single trusted components or relative paths of
 * ours; a path that comes from an image, a task or a request goes through common/path.h
 * instead.
 */
#ifndef UCR_COMMON_FD_H
#define UCR_COMMON_FD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads to the end of the file into a NUL-terminated heap string. -EFBIG past `max`
 * bytes. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len)
	__attribute__((warn_unused_result));

/* Opens and reads a regular file (-EINVAL for anything else), never following a final
 * link. */
int fd_read_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len)
	__attribute__((warn_unused_result));

/* Reads a file of procfs, sysfs or cgroupfs: the same without the check for a regular
 * file. */
int fd_read_kernel_file(int dirfd, const char *name, char *ret, size_t room)
	__attribute__((warn_unused_result));

/* Writes a value to a file of procfs, sysfs or cgroupfs in one write(2). */
int fd_write_kernel_file(int dirfd, const char *name, const char *value)
	__attribute__((warn_unused_result));

/* Writes everything, across short writes and EINTR. */
int fd_write_all(int fd, const void *data, size_t len)
	__attribute__((warn_unused_result));
int fd_write_all_at(int fd, const void *data, size_t len, uint64_t offset)
	__attribute__((warn_unused_result));

enum fd_sync { FD_NO_SYNC, FD_SYNC };

/*
 * Puts a file in place whole or not at all: a temporary file in the same directory,
 * written, with FD_SYNC flushed, renamed over `name`, with FD_SYNC the directory flushed
 * too.
 */
int fd_replace_file(int dirfd, const char *name, const void *data, size_t len,
	mode_t mode, enum fd_sync sync) __attribute__((warn_unused_result));

/* An empty file without a name in the directory `path` (O_TMPFILE), to write and read. The fd or
 * -errno. */
int fd_unnamed(int dirfd, const char *path) __attribute__((warn_unused_result));

/* A memfd that holds `data`, at offset 0, sealed against every change. The fd or -errno.
 */
int fd_memfd_sealed(const char *name, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* Makes a directory (an existing one is fine) and opens it. The fd or -errno. */
int fd_mkdir_open(int dirfd, const char *name, mode_t mode)
	__attribute__((warn_unused_result));

/* Removes a name and all below it, across permissions of our own files, never following
 * links and never crossing into another mount. Absent is fine. */
int fd_remove_tree(int dirfd, const char *name) __attribute__((warn_unused_result));

int fd_set_cloexec(int fd, bool is_on) __attribute__((warn_unused_result));
int fd_set_nonblock(int fd, bool is_on) __attribute__((warn_unused_result));

/* A standard stream that the caller closed reads as empty and takes no writing: else what is
 * opened next would become it. */
void fd_open_stdio(void);

/* Marks every descriptor from `first` on close-on-exec (close_range(2)). */
int fd_cloexec_from(int first) __attribute__((warn_unused_result));

/* Fills name (at least 32 bytes) with a random file name of ours: prefix + 16 hex digits.
 */
void fd_random_name(const char *prefix, char *ret, size_t room);

/* An advisory lock on an open file, released by its close. -EWOULDBLOCK when !wait. */
int fd_lock(int fd, bool is_exclusive, bool wait) __attribute__((warn_unused_result));

#endif
