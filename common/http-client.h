/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of HTTP/1.1 on a connected stream: one request at a time, its body at once or piece by
 * piece, the answer's body read as it comes, or the connection taken over for another protocol
 * (101 Switching Protocols). It blocks; who has more to wait for polls http_client_fd() and reads
 * when there is something.
 *
 * It knows sockets of paths. All that a connection to elsewhere would add is another descriptor
 * (and bytes that are encrypted on their way): nothing else here depends on where it leads.
 */
#ifndef UCR_COMMON_HTTP_CLIENT_H
#define UCR_COMMON_HTTP_CLIENT_H

#include "common/buf.h"
#include "common/http.h"

#include <sys/types.h>

struct http_client;
#define cleanup_http_client cleanup_with(http_client_free_ptr)

/* Connects to the socket at `path`. -ENOENT and -ECONNREFUSED: nobody is there. */
int http_client_open(const char *path, struct http_client **ret, struct err *err)
	__attribute__((warn_unused_result));
void http_client_free(struct http_client *client);
static inline void http_client_free_ptr(struct http_client **client)
{
	http_client_free(*client);
}

struct http_request {
	const char *method, *path;
	const char *type;    /* of the body; NULL: there is none */
	const char *accept;  /* NULL: whatever comes */
	const char *upgrade; /* the protocol to go on with; NULL: none */
	const char *body;    /* NULL: it follows by http_client_send() */
	size_t body_len;
};

int http_client_ask(struct http_client *client, const struct http_request *request,
	struct err *err) __attribute__((warn_unused_result));
/* The next piece of a body that was not given; none at all ends it. -EPIPE: the server has closed,
 * and has perhaps said why. */
int http_client_send(struct http_client *client, const void *data, size_t len,
	struct err *err) __attribute__((warn_unused_result));

/* Waits for the answer's head; what only announces it (100, 102, 103) is passed over. */
int http_client_answer(struct http_client *client, struct http_head *ret, struct err *err)
	__attribute__((warn_unused_result));

/* At most `room` bytes of the answer's body, waiting for the first. 0: it has ended. -EPIPE: the
 * connection ended before. */
ssize_t http_client_read(struct http_client *client, void *ret, size_t room,
	struct err *err) __attribute__((warn_unused_result));
/* All that is still to come. -EFBIG: more than `max` bytes. */
int http_client_read_all(struct http_client *client, size_t max, struct buf *ret,
	struct err *err) __attribute__((warn_unused_result));

int http_client_fd(const struct http_client *client);
/* Bytes were received already, so that waiting for the descriptor may be waiting for ever. */
bool http_client_has_more(const struct http_client *client);

/* After 101: what was received beyond the head goes to `ret`, and the descriptor is the caller's. */
int http_client_take_over(struct http_client *client, struct buf *ret);

#endif
