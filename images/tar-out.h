/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a tar of regular files, in POSIX's ustar form: names of ours (at most 100 bytes),
 * mode 0644, owner 0 and time 0, so that the same files always make the same bytes. The
 * caller writes exactly the announced size between the two calls.
 */
#ifndef UCR_IMAGES_TAR_OUT_H
#define UCR_IMAGES_TAR_OUT_H

#include <stdint.h>

int tar_out_begin(int fd, const char *name, uint64_t size)
	__attribute__((warn_unused_result));
int tar_out_end(int fd, uint64_t size) __attribute__((warn_unused_result));
/* The end of the archive. */
int tar_out_finish(int fd) __attribute__((warn_unused_result));

#endif
