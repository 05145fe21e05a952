/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request, where it goes to a descriptor of the engine as it arrives. */
#ifndef UCR_AGENTD_API_INPUT_H
#define UCR_AGENTD_API_INPUT_H

#include "agentd/api-private.h"

/* The body is RecordIO, whose first record is the call. */
int api_body_begin_records(struct api_request *request)
	__attribute__((warn_unused_result));
/* INPUT: where it goes. Takes `fd` over. */
void api_body_open(struct api_request *request, enum agent_flow kind, int fd);
/* Takes what it can of `*size` bytes, and counts it off. 0: what is left is for later, when the
 * connection is resumed; 1: request->body holds the call, to be made now; -EPIPE: nobody wants the
 * rest; -EINVAL. */
int api_body_take(struct api_request *request, const char *data, size_t *size,
	struct err *err) __attribute__((warn_unused_result));
/* It is over: -EAGAIN while the last of it waits for room, and the connection with it. */
int api_body_end(struct api_request *request) __attribute__((warn_unused_result));
void api_body_free(struct api_body *body);
/* Ends all, so that the library can be stopped. */
void api_body_end_all(struct api_server *server);

#endif
