/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_room(struct buf *b, size_t len)
{
	size_t need, room;
	char *data;

	if (b->failed || len > SIZE_MAX / 4 - b->len)
		goto fail;
	need = b->len + len + 1;
	if (need > b->room) {
		room = b->room ? b->room : 64;
		while (room < need)
			room *= 2;
		data = realloc(b->data, room);
		if (!data)
			goto fail;
		b->data = data;
		b->room = room;
	}
	return b->data + b->len;
fail:
	b->failed = true;
	return NULL;
}

void buf_add(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	char *at = buf_room(b, len);

	if (!at)
		return;
	if (len)
		memcpy(at, data, len);
	buf_add(b, len);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *at;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->failed = true;
		return;
	}
	at = buf_room(b, (size_t)n);
	if (!at)
		return;
	(void)vsnprintf(at, (size_t)n + 1, fmt, ap);
	buf_add(b, (size_t)n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t len)
{
	if (!len)
		return;
	b->len -= len;
	memmove(b->data, b->data + len, b->len + 1);
}

int buf_finish(struct buf *b)
{
	/* Also where room was made and nothing came. */
	buf_put(b, "", 0);
	return b->failed ? -ENOMEM : 0;
}

char *buf_take(struct buf *b)
{
	char *data;

	if (buf_finish(b) < 0) {
		buf_done(b);
		return NULL;
	}
	data = b->data;
	*b = (struct buf)BUF_INIT;
	return data;
}
