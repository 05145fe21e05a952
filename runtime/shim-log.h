/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a container, in the form that Kubernetes' CRI gave to container logs: a line
 * is
 * "<RFC 3339 time> stdout|stderr F|P <text>"; P is a part that the next one of the same
 * stream continues. `log` is the newest file, `log.1` the one before. Made when there is
 * something to write. Bounded in bytes per file and in files; what could not be written
 * is counted, and said in the log once it can.
 */
#ifndef UCR_RUNTIME_SHIM_LOG_H
#define UCR_RUNTIME_SHIM_LOG_H

#include <stddef.h>
#include <stdint.h>

struct shim_log {
	int dirfd; /* -1: no log is kept */
	int fd;	   /* -1: not opened yet */
	int64_t size, max_size;
	unsigned int max_files;
	uint64_t lost_bytes;
};

void shim_log_init(
	struct shim_log *log, int dirfd, int64_t max_size, unsigned int max_files);

/* `stream`: STDOUT_FILENO or STDERR_FILENO. Never fails: a full disk must not stop a
 * task. */
void shim_log_write(struct shim_log *log, int stream, const char *data, size_t len);

#endif
