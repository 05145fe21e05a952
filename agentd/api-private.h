/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of ucr-api share.
 *
 * A request goes from its route to a call (api-request.c), waits for the engine's answer, and is
 * answered: with a body that is whole, with a flow (api-flow.c), or by giving the connection away
 * (api-upgrade.c). A body that flows (api-input.c) goes to a descriptor that the engine sends for it.
 */
#ifndef UCR_AGENTD_API_PRIVATE_H
#define UCR_AGENTD_API_PRIVATE_H

#include "agentd/agent-call.h"
#include "agentd/api-stream.h"
#include "agentd/api.h"
#include "runtime/attach-proto.h"

#include <microhttpd.h>

#define API_PARTS_MAX 4
#define API_IDLE_SECONDS 60
#define API_TOO_LARGE "the request is larger than 48 KiB"

struct api_server {
	struct loop *loop;
	struct loop_source *source, *timer, *ticks, *idle;
	struct MHD_Daemon *daemon;
	struct api_request *waiting;
	struct api_flow *flows;
	struct api_body *bodies;
	uint32_t calls, calls_max;
	uint64_t last_id, given; /* `given`: so many connections came from the engine, */
	int engine_fd, is_given; /* which then knows the peers */
	uid_t uid;
	struct attach_frame frame; /* where everything that flows passes through */
};

/* One request, from its headers until it is answered. */
struct api_request {
	struct api_server *server;
	struct api_request *next; /* of those that wait for the engine */
	struct MHD_Connection *connection;
	const struct api_route *route;
	char *path, *parts[API_PARTS_MAX]; /* what stands for each "*" of the route */
	const char *method;		   /* of a request of Docker's API, else NULL */
	struct buf body;
	size_t excess; /* bytes of the body that were dropped */
	uint64_t id;   /* of the call; 0: none waits */
	struct loop_source *hang_up;
	bool is_called;			 /* the engine was asked: never a second time */
	bool is_suspended, is_unlimited; /* the time that the client may take */
	struct MHD_Response *response;	 /* when there is one, it is sent */
	unsigned int status;
	struct api_codec_state state;
	const struct api_codec *codec; /* of an answer that flows; NULL: raw */
	const char *upgrade;	       /* what the connection goes on as; NULL: HTTP */
	bool is_read_only;     /* what the client sends on such a connection is dropped */
	struct api_flow *flow; /* that waits for the connection to be given away */
	struct api_body *input; /* where a body that flows goes */
};

enum api_route_body {
	API_BODY_WHOLE, /* kept until it is whole, if there is one */
	API_BODY_JSON, /* the same, and its type must be said: JSON, or RecordIO that flows */
	API_BODY_FLOWS,
};

struct api_route {
	const char *path; /* "*" stands for one part */
	const char *method;
	const char *op; /* what the engine is asked for; `make` may change it */
	/* Fills in the call, and chooses the codec of its answer; NULL: nothing to say. -ENOSYS,
	 * -E2BIG and those of agent_error_status(). */
	int (*make)(
		struct api_request *request, struct agent_call *call, struct err *err);
	enum api_route_body body;
};

/* ---- api-routes.c ---- */

/* Fills in the parts. NULL: no such path, or (`ret_is_path`) not for this method. */
const struct api_route *api_route_find(
	struct api_request *request, const char *method, bool *ret_is_path);

/* api-docker.c; NULL: the path is not of Docker's API. */
const struct api_route *api_docker_route(struct api_request *request, const char *method);
void api_docker_add_headers(struct MHD_Response *response);

/* ---- api-request.c ---- */

enum MHD_Result api_request_take(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data,
	size_t *size, void **state);
void api_request_end(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);
/* What stands behind "?name="; NULL: it does not. The same of a header. */
const char *api_request_argument(struct api_request *request, const char *name);
const char *api_request_header(struct api_request *request, const char *name);
int api_request_fd(struct api_request *request);
void api_request_respond(struct api_request *request, unsigned int status,
	struct MHD_Response *response, const char *type);
void api_request_fail(
	struct api_request *request, unsigned int status, const struct err *err);
void api_request_suspend(struct api_request *request);
void api_request_resume(struct api_request *request);
/* The connection waits for the engine's answer. */
int api_request_call(struct api_request *request, struct agent_call *call);
unsigned int api_request_status(int r);			    /* of HTTP, for an errno */
void api_request_stop_waiting(struct api_request *request); /* for that answer */

/* ---- api-frames.c ---- */

/* Chooses the connection that ucrctl asks for, where it does. -EINVAL: the call wants one. */
int api_frames_choose(struct api_request *request, const struct agent_call *call,
	struct err *err) __attribute__((warn_unused_result));

/* ---- api-server.c ---- */

int api_server_run(struct api_server *server); /* goes on after something changed */

#endif
