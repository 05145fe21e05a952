/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shim.h"

#include "common/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void stream_close(struct shim_stream *stream)
{
	loop_remove(stream->source);
	stream->source = NULL;
	(void)close(stream->fd);
	stream->fd = -1;
}

/* The task then meets a broken pipe, as it would without us in between. A terminal stays. */
void shim_stream_close(struct shim *shim, enum attach_type type)
{
	for (int i = 0; i < 2; i++) {
		if (shim->streams[i].fd >= 0 && shim->streams[i].type == type &&
			shim->config.pty_fd < 0)
			stream_close(&shim->streams[i]);
	}
}

/* One read, to the log and the clients. False when there is nothing (more) to read. */
static bool stream_pass(struct shim_stream *stream)
{
	struct shim *shim = stream->shim;
	char *data = shim->frame.data;
	ssize_t n;

	do {
		n = read(stream->fd, data, ATTACH_DATA_MAX);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	/* A pty whose other side was closed by all reads as EIO. */
	if (n <= 0) {
		stream_close(stream);
		return false;
	}
	shim_log_write(&shim->log,
		stream->type == ATTACH_STDERR ? STDERR_FILENO : STDOUT_FILENO, data,
		(size_t)n);
	shim_clients_send(shim, stream->type, data, (size_t)n);
	return true;
}

static int on_output(struct loop_source *source, uint32_t events, void *arg)
{
	(void)source;
	(void)events;
	(void)stream_pass(arg);
	return 0;
}

static int stream_resume(struct shim_stream *stream)
{
	if (stream->fd < 0 || stream->source)
		return 0;
	return loop_add_fd(stream->shim->loop, stream->fd, EPOLLIN, on_output, stream,
		&stream->source);
}

int shim_streams_resume(struct shim *shim)
{
	int r = stream_resume(&shim->streams[0]);

	return r < 0 ? r : stream_resume(&shim->streams[1]);
}

/* Taken out of the loop, not merely set to no events: epoll reports a hang-up regardless,
 * and a pipe that was filled and closed would then keep the loop spinning. */
void shim_streams_hold(struct shim *shim)
{
	for (int i = 0; i < 2; i++) {
		loop_remove(shim->streams[i].source);
		shim->streams[i].source = NULL;
	}
}

/* At most what the pipes hold, unless somebody outside the container keeps writing. */
void shim_streams_drain(struct shim *shim)
{
	for (int i = 0; i < 2; i++) {
		struct shim_stream *stream = &shim->streams[i];

		for (int reads = 0; stream->fd >= 0 && reads < 64; reads++) {
			if (!stream_pass(stream))
				break;
		}
		if (stream->fd >= 0)
			stream_close(stream);
	}
}

int shim_streams_start(struct shim *shim)
{
	const struct shim_config *config = &shim->config;
	int first = (int)(config->pty_fd >= 0 ? config->pty_fd : config->out_fd);
	int second = (int)(config->pty_fd >= 0 ? -1 : config->err_fd);
	int r;

	shim->streams[0] = (struct shim_stream){ shim, NULL, first, ATTACH_STDOUT };
	shim->streams[1] = (struct shim_stream){ shim, NULL, second, ATTACH_STDERR };
	for (int i = 0; i < 2; i++) {
		if (shim->streams[i].fd < 0)
			continue;
		r = fd_set_nonblock(shim->streams[i].fd, true);
		if (r < 0)
			return r;
	}
	return shim_streams_resume(shim);
}
