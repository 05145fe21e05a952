/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach-stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void attach_stream_done(struct attach_stream *stream)
{
	buf_done(&stream->in);
	buf_done(&stream->out);
}

/* ---- one frame ---- */

void attach_stream_put(struct buf *out, uint8_t type, const void *data, size_t len)
{
	const unsigned char header[ATTACH_STREAM_HEADER] = { type,
		(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	buf_put(out, header, sizeof(header));
	buf_put(out, data, len);
}

static bool fits(uint8_t type, size_t len)
{
	return type == ATTACH_STREAM_HELLO ? len <= ATTACH_DATA_MAX
					   : attach_length_fits(type, len);
}

int attach_stream_look(
	const struct buf *in, uint8_t *ret_type, const char **ret_data, size_t *ret_len)
{
	const unsigned char *header = (const unsigned char *)in->data;
	size_t len;

	if (in->len < ATTACH_STREAM_HEADER)
		return 0;
	len = (size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 |
	      header[4];
	if (!fits(header[0], len))
		return -EPROTO;
	if (in->len - ATTACH_STREAM_HEADER < len)
		return 0;
	*ret_type = header[0];
	*ret_data = in->data + ATTACH_STREAM_HEADER;
	*ret_len = len;
	return 1;
}

void attach_stream_drop(struct buf *in, size_t len)
{
	buf_consume(in, ATTACH_STREAM_HEADER + len);
}

/* ---- the connection ---- */

int attach_stream_flush(struct attach_stream *stream)
{
	while (stream->out.len) {
		ssize_t n = send(stream->fd, stream->out.data, stream->out.len,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		buf_consume(&stream->out, (size_t)n);
	}
	return 0;
}

int attach_stream_send(
	struct attach_stream *stream, uint8_t type, const void *data, size_t len)
{
	int r;

	if (!fits(type, len))
		return -EMSGSIZE;
	r = attach_stream_flush(stream);
	if (r < 0)
		return r;
	attach_stream_put(&stream->out, type, data, len);
	if (stream->out.failed)
		return -ENOMEM;
	r = attach_stream_flush(stream);
	return r == -EAGAIN ? 0 : r;
}

static int receive(struct attach_stream *stream)
{
	char *at = buf_room(&stream->in, ATTACH_STREAM_HEADER + ATTACH_DATA_MAX);
	ssize_t n;

	if (!at)
		return -ENOMEM;
	do {
		n = recv(stream->fd, at, ATTACH_STREAM_HEADER + ATTACH_DATA_MAX,
			MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	buf_add(&stream->in, (size_t)n);
	return n > 0;
}

int attach_stream_recv(
	struct attach_stream *stream, struct attach_frame *ret, size_t *ret_len)
{
	const char *data;
	int r;

	while ((r = attach_stream_look(&stream->in, &ret->type, &data, ret_len)) == 0) {
		r = receive(stream);
		if (r <= 0)
			return r;
	}
	if (r < 0)
		return r;
	memcpy(ret->data, data, *ret_len);
	attach_stream_drop(&stream->in, *ret_len);
	return 1;
}
