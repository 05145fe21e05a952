/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what a container wrote, from the log that its shim keeps: lines of the form
 * "2016-10-06T00:17:09.669794202Z stdout F text" ("P" for a part of a longer line), in
 * `log` and, older, `log.1`, `log.2`… Reading goes on across rotation without loss or
 * repetition.
 */
#ifndef UCR_AGENTD_LOG_H
#define UCR_AGENTD_LOG_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_line {
	int64_t time;	  /* nanoseconds since the epoch */
	int stream;	  /* STDOUT_FILENO or STDERR_FILENO */
	bool is_partial;  /* no newline follows the text */
	const char *text; /* not NUL-terminated; valid until the next call */
	size_t len;
};

struct log_options {
	bool follow;   /* wait for more until the container has ended */
	int64_t tail;  /* only the last so many lines; negative: all */
	int64_t since; /* only lines from that moment on; 0: all */
	int64_t until; /* only lines before that moment; 0: no end */
	int gone_fd;   /* -EPIPE once nobody reads this pipe any more; 0: there is none */
};

struct log_reader;

/* "2016-10-06T00:17:09.669794202Z stdout F text", without the newline: what one line of the files
 * is. False: it is none. */
bool log_line_parse(const char *record, size_t len, struct log_line *ret);

/* `container_dirfd` is borrowed. A container that wrote nothing has an empty log. */
int log_open(int container_dirfd, const struct log_options *options,
	struct log_reader **ret, struct err *err) __attribute__((warn_unused_result));

/* The next line: 1, or 0 at the end, or -errno. With `follow` it waits; -EINTR when a
 * signal handler ran meanwhile. */
int log_next(struct log_reader *reader, struct log_line *ret, struct err *err)
	__attribute__((warn_unused_result));

void log_free(struct log_reader *reader);

#endif
