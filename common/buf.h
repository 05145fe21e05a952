/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows. Out of memory is sticky: appending goes on doing nothing and
 * buf_finish() reports it once, so that a writer need not check each append.
 */
#ifndef UCR_COMMON_BUF_H
#define UCR_COMMON_BUF_H

#include "common/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL-terminated once something was appended */
	size_t len;
	size_t room;
	bool failed;
};

#define BUF_INIT                                                                         \
	{                                                                                \
		0                                                                        \
	}
#define cleanup_buf cleanup_with(buf_done)

void buf_done(struct buf *b);

/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Makes room for `len` more bytes and returns where they go, or NULL. Follow with
 * buf_add(). */
char *buf_room(struct buf *b, size_t len);
void buf_add(struct buf *b, size_t len);

/* Removes the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);

/* 0, or -ENOMEM when an append had failed. An empty buffer then holds "". */
int buf_finish(struct buf *b) __attribute__((warn_unused_result));

/* The string; the buffer is empty afterwards. NULL when an append had failed. */
char *buf_take(struct buf *b) __attribute__((warn_unused_result));

#endif
