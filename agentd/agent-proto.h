/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the two roles of the agent: ucr-api, which speaks HTTP and JSON with whoever comes, and
 * the engine, which opens paths and starts programs and hears of the outside only by this. Messages
 * of common/ipc.h; the socket is HELPER_SOCKET_FD of ucr-api.
 *
 * Engine to ucr-api:
 *   START {"calls"}            fds: the listening socket. At most so many calls may wait for an
 *                              answer, so that all answers fit into the socket and none blocks.
 *   ANSWER {"id", "status", "type"}   fds: the body, a sealed memfd; none: there is no body.
 *                              "status" is of HTTP, "type" the media type.
 * ucr-api to engine:
 *   CALL                       a struct agent_call (agentd/agent-call.h), once for each "id"
 *   CANCEL {"id"}              nobody waits for it any more; an ANSWER may still come
 *   ERROR                      a struct err: it cannot serve
 */
#ifndef UCR_AGENTD_AGENT_PROTO_H
#define UCR_AGENTD_AGENT_PROTO_H

enum agent_msg { AGENT_START = 1, AGENT_ANSWER, AGENT_CALL, AGENT_CANCEL, AGENT_ERROR };

#define API_PROGRAM "ucr-api"

/* A request body; what is made of it must fit into a message. */
#define AGENT_BODY_MAX 49152

#define AGENT_JSON "application/json"
#define AGENT_METRICS "text/plain; version=0.0.4; charset=utf-8"

#endif
