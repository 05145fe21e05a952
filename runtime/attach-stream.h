/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of runtime/attach-proto.h on a stream of bytes, as they cross the agent's socket: the
 * type, the length of the payload (four bytes, the highest first), the payload. Numbers within it
 * are as the host has them: both ends are on one. The connection does not block.
 *
 * One type more is known here: ATTACH_STREAM_HELLO, JSON, what the agent says before the first
 * frame of the shim.
 */
#ifndef UCR_RUNTIME_ATTACH_STREAM_H
#define UCR_RUNTIME_ATTACH_STREAM_H

#include "common/buf.h"
#include "runtime/attach-proto.h"

#define ATTACH_STREAM_PROTOCOL "ucr-attach"
#define ATTACH_STREAM_TYPE "application/vnd.ucr.attach"
#define ATTACH_STREAM_HELLO 0
#define ATTACH_STREAM_HEADER 5

struct attach_stream {
	int fd;		/* the owner's to close */
	struct buf in;	/* received, no whole frame yet or not asked for */
	struct buf out; /* to be sent */
};

void attach_stream_done(struct attach_stream *stream);

/* One frame behind what is in the buffer. */
void attach_stream_put(struct buf *out, uint8_t type, const void *data, size_t len);
/* Looks at the beginning of the buffer: 1, and `ret_data` of `ret_len` bytes is within it, which
 * attach_stream_drop() removes; 0: it is not whole yet; -EPROTO. */
int attach_stream_look(const struct buf *in, uint8_t *ret_type, const char **ret_data,
	size_t *ret_len) __attribute__((warn_unused_result));
void attach_stream_drop(struct buf *in, size_t len);

/* As attach_send() and attach_recv(). -EAGAIN: what was sent before has not gone yet, see
 * attach_stream_flush(). */
int attach_stream_send(struct attach_stream *stream, uint8_t type, const void *data,
	size_t len) __attribute__((warn_unused_result));
int attach_stream_flush(struct attach_stream *stream) __attribute__((warn_unused_result));
int attach_stream_recv(struct attach_stream *stream, struct attach_frame *ret,
	size_t *ret_len) __attribute__((warn_unused_result));

#endif
