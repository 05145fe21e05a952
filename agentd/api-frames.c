/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a process as ucrctl has it: runtime/attach-stream.h in both directions. */
#include "agentd/api-flow.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "runtime/attach-stream.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- to the client ---- */

static void put(struct api_codec_state *state, enum api_piece piece, const char *data,
	size_t len, struct buf *out)
{
	static const uint8_t types[] = {
		[API_STDOUT] = ATTACH_STDOUT,
		[API_STDERR] = ATTACH_STDERR,
		[API_DROPPED] = ATTACH_DROPPED,
		[API_EXIT] = ATTACH_EXIT,
	};

	if (piece < sizeof(types))
		attach_stream_put(out, types[piece], data, len);
}

const struct api_codec api_codec_frames = { .type = ATTACH_STREAM_TYPE, .put = put };

/* What the engine says of what was started; it has nothing to say of what was joined. */
void api_frames_hello(struct api_flow *flow, int hello_fd)
{
	cleanup_free char *text = NULL;
	size_t len;

	if (hello_fd >= 0 && lseek(hello_fd, 0, SEEK_SET) == 0 &&
		fd_read_all(hello_fd, ATTACH_DATA_MAX, &text, &len) == 0)
		attach_stream_put(&flow->out, ATTACH_STREAM_HELLO, text, len);
	else
		attach_stream_put(&flow->out, ATTACH_STREAM_HELLO, "{}", 2);
}

/* ---- from the client ---- */

/* What it may say to a shim. That it does the clean-up is not of this: it cannot. */
static const bool allowed[ATTACH_TYPE_COUNT] = {
	[ATTACH_STDIN] = true,
	[ATTACH_RESIZE] = true,
	[ATTACH_DETACH] = true,
	[ATTACH_CLOSE] = true,
	[ATTACH_SIGNAL] = true,
};

int api_frames_push(struct api_flow *flow)
{
	const char *data;
	uint8_t type;
	size_t len;
	int r;

	while ((r = attach_stream_look(&flow->in, &type, &data, &len)) > 0) {
		if (!allowed[type])
			return -EPROTO;
		r = attach_send(flow->fd, (enum attach_type)type, data, len);
		if (r < 0)
			return r;
		attach_stream_drop(&flow->in, len);
	}
	return r;
}

/* One that says that it leaves closes right after. */
void api_frames_finish(struct api_flow *flow)
{
	char *data = flow->server->frame.data;
	ssize_t n;

	while (api_frames_push(flow) == 0 &&
		(n = recv(flow->socket_fd, data, ATTACH_DATA_MAX, MSG_DONTWAIT)) > 0)
		buf_put(&flow->in, data, (size_t)n);
}

/* ---- whether there is one ---- */

int api_frames_choose(
	struct api_request *request, const struct agent_call *call, struct err *err)
{
	const char *upgrade = api_request_header(request, MHD_HTTP_HEADER_UPGRADE);
	bool is_wanted = upgrade && str_eq(upgrade, ATTACH_STREAM_PROTOCOL);

	if (call->is_attached && !is_wanted && !request->codec)
		return err_say(err, EINVAL,
			"attach: want the header Upgrade: " ATTACH_STREAM_PROTOCOL);
	if (!is_wanted || (!call->is_attached && !str_eq(call->op, "attach")))
		return 0;
	request->upgrade = ATTACH_STREAM_PROTOCOL;
	request->codec = &api_codec_frames;
	return 0;
}
