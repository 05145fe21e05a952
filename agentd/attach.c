/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/attach.h"

#include "agentd/terminal.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "runtime/attach-stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define CTRL_P 0x10
#define CTRL_Q 0x11

/* Waited for by poll(2), which unlike epoll takes regular files too: they are always ready. */
enum { AT_SHIM, AT_INPUT, AT_SIGNALS, AT_COUNT };

struct attach {
	const struct attach_options *options;
	struct attach_outcome outcome;
	struct terminal terminal;
	bool has_end;
	bool reads_input;
	bool is_waiting_for_q; /* the last key was ctrl-p */
	unsigned int interrupts;
	bool has_pending; /* `input` waits for room: nothing more is read meanwhile */
	size_t pending_len;
	char input[ATTACH_DATA_MAX];
	struct attach_frame frame;
};

int attach_connect(int container_dirfd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(err, errno, "make a socket");
	/* By descriptor: a path may be longer than a socket's name can be. */
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/attach.sock", container_dirfd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return take_fd(&fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_say(err, ESRCH, "the container is not running");
	return err_set(err, errno, "connect to the container's shim");
}

static int send_frame(
	struct attach *attach, enum attach_type type, const void *data, size_t len)
{
	struct attach_stream *stream = attach->options->stream;

	return stream ? attach_stream_send(stream, type, data, len)
		      : attach_send(attach->options->fd, type, data, len);
}

static int recv_frame(struct attach *attach, size_t *ret_len)
{
	struct attach_stream *stream = attach->options->stream;

	return stream ? attach_stream_recv(stream, &attach->frame, ret_len)
		      : attach_recv(attach->options->fd, &attach->frame, ret_len);
}

static void end(struct attach *attach, enum attach_end how)
{
	attach->has_end = true;
	attach->outcome.end = how;
}

/* ---- input --------------------------------------------------------------------------- */

static int push_input(struct attach *attach)
{
	int r = send_frame(attach, ATTACH_STDIN, attach->input, attach->pending_len);

	attach->has_pending = r == -EAGAIN;
	/* -EPIPE: the shim is going, and reading from it will tell how. */
	return r == -EAGAIN || r == -EPIPE ? 0 : r;
}

/*
 * Looks for ctrl-p ctrl-q. A ctrl-p is held back until the next key tells what it was, which
 * may make `input` one byte longer than what was read. True when the person detached.
 */
static bool take_keys(struct attach *attach, const char *keys, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		bool was_waiting = attach->is_waiting_for_q;

		attach->is_waiting_for_q = false;
		if (was_waiting && keys[i] == CTRL_Q)
			return true;
		if (was_waiting)
			attach->input[to++] = CTRL_P;
		if (keys[i] == CTRL_P)
			attach->is_waiting_for_q = true;
		else
			attach->input[to++] = keys[i];
	}
	attach->pending_len = to;
	return false;
}

static int read_input(struct attach *attach)
{
	char *keys = attach->frame.data;
	ssize_t n;

	n = read(STDIN_FILENO, keys, ATTACH_DATA_MAX - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		attach->reads_input = false;
		attach->pending_len = 0;
		return push_input(attach);
	}
	if (!attach->options->detach_by_keys) {
		memcpy(attach->input, keys, (size_t)n);
		attach->pending_len = (size_t)n;
	} else if (take_keys(attach, keys, (size_t)n)) {
		(void)!send_frame(attach, ATTACH_DETACH, NULL, 0);
		end(attach, ATTACH_DETACHED);
		return 0;
	}
	return attach->pending_len ? push_input(attach) : 0;
}

/* ---- output -------------------------------------------------------------------------- */

/* Our output may be a terminal that somebody else made non-blocking. */
static int write_output(int fd, const char *data, size_t len)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EAGAIN) {
			(void)poll(&ready, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Nobody reads our output any more: the task shall meet the same, as in any pipeline. */
static void pass_output(struct attach *attach, int fd, size_t len)
{
	uint8_t stream = attach->frame.type;
	int r = write_output(fd, attach->frame.data, len);

	if (r < 0)
		(void)!send_frame(attach, ATTACH_CLOSE, &stream, sizeof(stream));
}

static void take_exit(struct attach *attach)
{
	struct attach_exit ended;

	memcpy(&ended, attach->frame.data, sizeof(ended));
	attach->outcome.exit_status = ended.status;
	attach->outcome.signal = ended.signal;
	end(attach, ATTACH_EXITED);
}

static void take_dropped(struct attach *attach)
{
	uint64_t bytes;

	memcpy(&bytes, attach->frame.data, sizeof(bytes));
	attach->outcome.dropped_bytes += bytes;
}

static int read_shim(struct attach *attach)
{
	size_t len;
	int r = recv_frame(attach, &len);

	if (r < 0)
		return r;
	if (r == 0) {
		end(attach, ATTACH_LOST);
		return 0;
	}
	switch (attach->frame.type) {
	case ATTACH_STDOUT: pass_output(attach, STDOUT_FILENO, len); break;
	case ATTACH_STDERR: pass_output(attach, STDERR_FILENO, len); break;
	case ATTACH_DROPPED: take_dropped(attach); break;
	case ATTACH_EXIT: take_exit(attach); break;
	default: break;
	}
	return 0;
}

/* ---- signals ------------------------------------------------------------------------- */

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

static void send_size(struct attach *attach)
{
	struct attach_size size;

	if (attach->options->has_terminal && terminal_size(&size.rows, &size.columns))
		(void)!send_frame(attach, ATTACH_RESIZE, &size, sizeof(size));
}

static void forward(struct attach *attach, int signal)
{
	int32_t number;

	if (attach->options->pidfd < 0 && !attach->options->sends_signals) {
		end(attach, ATTACH_DETACHED);
		return;
	}
	if (signal == SIGINT && attach->interrupts++ > 0)
		signal = SIGKILL;
	number = signal;
	if (attach->options->sends_signals)
		(void)!send_frame(attach, ATTACH_SIGNAL, &number, sizeof(number));
	else
		(void)syscall(
			SYS_pidfd_send_signal, attach->options->pidfd, signal, NULL, 0);
}

static void take_signal(struct attach *attach, int signals_fd)
{
	struct signalfd_siginfo info;

	if (read(signals_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		send_size(attach);
	else
		forward(attach, (int)info.ssi_signo);
}

static int open_signals(sigset_t *ret_old)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		(void)sigaddset(&set, forwarded[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &set, ret_old) < 0) {
		(void)close(fd);
		return -errno;
	}
	return fd;
}

/* ---- together ------------------------------------------------------------------------ */

static bool has_unsent(const struct attach *attach)
{
	const struct attach_stream *stream = attach->options->stream;

	return stream && stream->out.len;
}

static int push_rest(struct attach *attach)
{
	int r = has_unsent(attach) ? attach_stream_flush(attach->options->stream) : 0;

	if (r == -EAGAIN || r == -EPIPE)
		return 0;
	return r == 0 && attach->has_pending ? push_input(attach) : r;
}

static bool has_frame(const struct attach *attach)
{
	const struct attach_stream *stream = attach->options->stream;
	const char *data;
	uint8_t type;
	size_t len;

	return stream && attach_stream_look(&stream->in, &type, &data, &len) != 0;
}

/* Several may have come at once, of which the kernel tells only once. What comes after them waits
 * its turn: a task that writes without end must not be deaf to signals. */
static int read_all(struct attach *attach)
{
	int r;

	do {
		r = read_shim(attach);
	} while (r == 0 && !attach->has_end && has_frame(attach));
	return r == -EAGAIN ? 0 : r;
}

static int pass_once(struct attach *attach, int signals_fd)
{
	struct pollfd fds[AT_COUNT] = {
		[AT_SHIM] = { .fd = attach->options->fd, .events = POLLIN },
		[AT_INPUT] = { .fd = -1, .events = POLLIN },
		[AT_SIGNALS] = { .fd = signals_fd, .events = POLLIN },
	};
	int r = 0;

	if (attach->has_pending || has_unsent(attach))
		fds[AT_SHIM].events |= POLLOUT;
	else if (attach->reads_input)
		fds[AT_INPUT].fd = STDIN_FILENO;
	if (poll(fds, AT_COUNT, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[AT_SIGNALS].revents)
		take_signal(attach, signals_fd);
	if (fds[AT_SHIM].revents & POLLOUT)
		r = push_rest(attach);
	if (r == 0 && (fds[AT_SHIM].revents & (POLLIN | POLLHUP | POLLERR)))
		r = read_all(attach);
	if (r == 0 && !attach->has_end && fds[AT_INPUT].revents)
		r = read_input(attach);
	return r;
}

static int pass_all(struct attach *attach, int signals_fd)
{
	const struct attach_options *options = attach->options;
	int r;

	if (options->has_terminal && options->is_interactive) {
		r = terminal_make_raw(&attach->terminal);
		if (r < 0)
			return r;
	}
	send_size(attach);
	/* What came with the answer is not told of again. */
	r = options->stream ? read_all(attach) : 0;
	while (r == 0 && !attach->has_end)
		r = pass_once(attach, signals_fd);
	terminal_restore(&attach->terminal);
	return r;
}

int attach_run(
	const struct attach_options *options, struct attach_outcome *ret, struct err *err)
{
	struct attach attach = {
		.options = options,
		.reads_input = options->is_interactive,
	};
	cleanup_close int signals_fd = -1;
	void (*old_pipe)(int);
	sigset_t old;
	int r;

	r = options->stream ? 0 : fd_set_nonblock(options->fd, true);
	if (r < 0)
		return err_set(err, -r, "attach");
	signals_fd = open_signals(&old);
	if (signals_fd < 0)
		return err_set(err, -signals_fd, "attach");
	old_pipe = signal(SIGPIPE, SIG_IGN);
	r = pass_all(&attach, signals_fd);
	(void)signal(SIGPIPE, old_pipe);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return err_set(err, -r, "attach");
	*ret = attach.outcome;
	return 0;
}

void attach_release(int fd)
{
	(void)!attach_send(fd, ATTACH_RELEASE, NULL, 0);
}
