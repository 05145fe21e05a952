/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a descriptor of the engine to a client. There is one read for each time that the client has
 * room, and what was read is held until it has gone: so much memory does a stream take, and none
 * while nothing comes. One that sleeps is two descriptors in the loop and no timer.
 */
#ifndef UCR_AGENTD_API_FLOW_H
#define UCR_AGENTD_API_FLOW_H

#include "agentd/api-private.h"

struct api_flow {
	struct api_server *server;
	struct api_flow *next, **at; /* of all */
	struct MHD_Connection *connection;
	const struct api_codec *codec;
	struct api_codec_state state;
	enum agent_flow kind;
	int fd; /* -1: a connection that was given away is at its end */
	struct loop_source *source; /* the descriptor's, or that end's time */
	struct loop_source *client; /* of a connection that sleeps, or was given away */
	struct buf out;		    /* for the client */
	bool is_suspended;
	bool is_over;  /* nothing more comes */
	bool is_gone;  /* the client */
	bool is_quiet; /* nothing came since the last tick */

	/* A connection that was given away. */
	struct MHD_UpgradeResponseHandle *handle; /* NULL: it was not, or not yet */
	int socket_fd;
	struct buf in;	   /* for the descriptor */
	bool is_full;	   /* which has no room for it */
	bool is_read_only; /* nor is it told what the client says */
	bool has_in_ended;
	bool is_end_due; /* the descriptor has not heard of that yet */
};

/* ---- api-flow.c ---- */

/* Answers with what comes out of `fd`, which it takes over. `type` NULL: the codec's. `hello_fd`: what
 * the engine says before that, for a codec that has a place for it; -1: nothing. */
void api_flow_answer(struct api_request *request, unsigned int status, const char *type,
	enum agent_flow kind, int fd, int hello_fd);
void api_flow_free(struct api_flow *flow);
/* Ends all, so that the library can be stopped. */
void api_flow_end_all(struct api_server *server);

/* Reads once into `out`. False: there is nothing now. */
bool api_flow_pull(struct api_flow *flow);

/* ---- api-upgrade.c ---- */

/* The answer that gives the connection away: what the client sends goes to the descriptor then. */
void api_upgrade_answer(struct api_request *request, struct api_flow *flow);
void api_upgrade_end(struct api_flow *flow);

/* ---- api-frames.c ---- */

void api_frames_hello(struct api_flow *flow, int hello_fd);
/* Hands on the frames that are whole: 0, -EAGAIN where the shim has no room, -EPROTO. */
int api_frames_push(struct api_flow *flow) __attribute__((warn_unused_result));
/* The client has gone: what it said before is handed on. */
void api_frames_finish(struct api_flow *flow);

#endif
