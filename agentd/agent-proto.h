/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the two roles of the agent: ucr-api, which speaks HTTP and JSON with whoever comes, and
 * the engine, which opens paths and starts programs and hears of the outside only by this. Messages
 * of common/ipc.h; the socket is HELPER_SOCKET_FD of ucr-api.
 *
 * Engine to ucr-api:
 *   START {"calls"}            fds: the listening socket; none: it gets CONNECTIONs. At most so many
 *                              calls may wait for an answer, so that all answers fit into the
 *                              socket and none blocks.
 *   CONNECTION                 fds: one that the engine accepted and knows the peer of
 *   ANSWER {"id", "status", "type", "flow"}   fds: the body, a sealed memfd, or, with "flow", what
 *                              it is read from as it comes, and perhaps, sealed, what is said before
 *                              that; none: there is no body. "status" is of
 *                              HTTP, "type" the media type.
 *   INPUT {"id", "flow"}       fds: where the call's own body goes as it arrives. The ANSWER is
 *                              still to come, and may before that body has ended.
 * ucr-api to engine:
 *   CALL                       a struct agent_call (agentd/agent-call.h), once for each "id"
 *   TAKEN {"connections", "is_idle"}   so many CONNECTIONs in all came; is_idle: and are closed
 *   CANCEL {"id"}              nobody waits for it any more; an ANSWER may still come
 *   ERROR                      a struct err: it cannot serve
 */
#ifndef UCR_AGENTD_AGENT_PROTO_H
#define UCR_AGENTD_AGENT_PROTO_H

enum agent_msg {
	AGENT_START = 1,
	AGENT_ANSWER,
	AGENT_CALL,
	AGENT_CANCEL,
	AGENT_ERROR,
	AGENT_CONNECTION,
	AGENT_TAKEN,
	AGENT_INPUT
};

/* What a descriptor is. Of those that flow each end may come to nothing at any moment. */
enum agent_flow {
	AGENT_FLOW_NONE, /* a memfd: all of it, from its beginning */
	AGENT_FLOW_FRAMES, /* a connection to a shim, or what speaks alike: runtime/attach-proto.h */
	AGENT_FLOW_BYTES, /* a pipe, or a socket of bytes */
	AGENT_FLOW_FILE,  /* a regular file, of which a part may be asked for */
	AGENT_FLOW_COUNT
};

#define API_PROGRAM "ucr-api"

/* A request body; what is made of it must fit into a message. */
#define AGENT_BODY_MAX 49152

#define AGENT_JSON "application/json"
#define AGENT_RECORDIO "application/recordio"
#define AGENT_METRICS "text/plain; version=0.0.4; charset=utf-8"

#endif
