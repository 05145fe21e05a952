/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shim.h"

#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CTRL_D 4 /* the default VEOF character of a terminal, see termios(3) */

/* For a pty, reading and writing are two descriptors, so that each has a source of its
 * own. */
int shim_input_start(struct shim *shim)
{
	const struct shim_config *config = &shim->config;
	bool is_pty = config->pty_fd >= 0;

	shim->input = (struct shim_input){ .shim = shim, .is_pty = is_pty };
	shim->input.fd = is_pty ? fcntl((int)config->pty_fd, F_DUPFD_CLOEXEC, 0)
				: (int)config->in_fd;
	return shim->input.fd < 0 ? 0 : fd_set_nonblock(shim->input.fd, true);
}

static void input_forget(struct shim_input *input)
{
	loop_remove(input->source);
	input->source = NULL;
	free(input->pending);
	input->pending = NULL;
}

static void input_close(struct shim_input *input)
{
	input_forget(input);
	if (input->fd >= 0)
		(void)close(input->fd);
	input->fd = -1;
}

void shim_input_stop(struct shim *shim)
{
	input_close(&shim->input);
}

bool shim_input_is_full(const struct shim *shim)
{
	return shim->input.pending;
}

static void input_finish(struct shim_input *input)
{
	const char end = CTRL_D;

	input->is_ending = false;
	if (!input->is_pty)
		input_close(input);
	else if (input->fd >= 0)
		(void)!write(input->fd, &end, 1);
}

/* Writes what the pipe takes. The task may close its input at any time: then it is
 * dropped. */
static size_t input_push(struct shim_input *input, const char *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (input->fd >= 0 && done < len) {
		n = write(input->fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return done;
		if (n < 0)
			input_close(input);
		else
			done += (size_t)n;
	}
	return len;
}

static int on_writable(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim_input *input = arg;

	(void)source;
	(void)events;
	input->sent +=
		input_push(input, input->pending + input->sent, input->len - input->sent);
	if (input->fd >= 0 && input->sent < input->len)
		return 0;
	input_forget(input);
	if (input->is_ending)
		input_finish(input);
	return shim_clients_update(input->shim);
}

int shim_input_write(struct shim *shim, const void *data, size_t len)
{
	struct shim_input *input = &shim->input;
	size_t done = input_push(input, data, len);
	int r;

	if (done == len)
		return 0;
	input->pending = malloc(len - done);
	if (!input->pending)
		return -ENOMEM;
	input->len = len - done;
	input->sent = 0;
	memcpy(input->pending, (const char *)data + done, input->len);
	r = loop_add_fd(
		shim->loop, input->fd, EPOLLOUT, on_writable, input, &input->source);
	return r < 0 ? r : shim_clients_update(shim);
}

void shim_input_end(struct shim *shim)
{
	if (shim_input_is_full(shim))
		shim->input.is_ending = true;
	else
		input_finish(&shim->input);
}

void shim_resize(struct shim *shim, const struct attach_size *size)
{
	struct winsize window = { .ws_row = size->rows, .ws_col = size->columns };

	if (shim->input.is_pty && shim->input.fd >= 0)
		(void)ioctl(shim->input.fd, TIOCSWINSZ, &window);
}
