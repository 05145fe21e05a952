/* SPDX-License-Identifier: Apache-2.0 */
/* Standing in for a container in the foreground: its signals, its terminal, its status. */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "runtime/process.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define RELAY_ROOM 16384

enum { ON_PROCESS, ON_SIGNAL, ON_CONSOLE, ON_STDIN, ON_COUNT };

struct relay {
	int pidfd, console_fd;
	struct pollfd on[ON_COUNT];
	bool is_raw;
	struct termios before;
};

static void forwarded_signals(sigset_t *set)
{
	static const int kept[] = { SIGCHLD, SIGTTIN, SIGTTOU, SIGTSTP, SIGPIPE, SIGSEGV,
		SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGURG };

	(void)sigfillset(set);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		(void)sigdelset(set, kept[i]);
}

void cli_block_signals(void)
{
	sigset_t set;

	forwarded_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void copy_size(const struct relay *relay)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(relay->console_fd, TIOCSWINSZ, &size);
}

static void make_raw(struct relay *relay)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &relay->before) < 0)
		return;
	raw = relay->before;
	cfmakeraw(&raw);
	relay->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	copy_size(relay);
}

static void pass_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->on[ON_SIGNAL].fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && relay->console_fd >= 0)
		copy_size(relay);
	else if (info.ssi_signo != SIGWINCH)
		(void)process_signal(relay->pidfd, (int)info.ssi_signo);
}

/* Copies what is there once; false at the end. A pty master says EIO when the last slave is
 * closed. */
static bool copy_some(int from, int to)
{
	char room[RELAY_ROOM];
	ssize_t n = read(from, room, sizeof(room));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fd_write_all(to, room, (size_t)n) == 0;
}

static void turn(struct relay *relay)
{
	struct pollfd *on = relay->on;

	if (on[ON_SIGNAL].revents)
		pass_signal(relay);
	if (on[ON_CONSOLE].revents && !copy_some(relay->console_fd, STDOUT_FILENO))
		on[ON_CONSOLE].fd = -1;
	if (on[ON_STDIN].revents && !copy_some(STDIN_FILENO, relay->console_fd))
		on[ON_STDIN].fd = -1;
}

/* What the terminal still holds when the process has ended. */
static void drain(const struct relay *relay)
{
	struct pollfd last = { .fd = relay->console_fd, .events = POLLIN };

	while (relay->on[ON_CONSOLE].fd >= 0 && poll(&last, 1, 0) > 0 &&
		(last.revents & POLLIN) && copy_some(relay->console_fd, STDOUT_FILENO))
		;
}

static int relay_until_end(struct relay *relay, struct err *err)
{
	while (!(relay->on[ON_PROCESS].revents & POLLIN)) {
		if (poll(relay->on, ON_COUNT, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "wait for the container's process");
		turn(relay);
	}
	return 0;
}

int cli_wait_foreground(int pidfd, int console_fd, struct err *err)
{
	cleanup_close int signal_fd = -1;
	struct relay relay = { .pidfd = pidfd, .console_fd = console_fd };
	int code, status, r;
	sigset_t set;

	forwarded_signals(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		return err_set(err, errno, "receive signals");
	relay.on[ON_PROCESS] = (struct pollfd){ pidfd, POLLIN, 0 };
	relay.on[ON_SIGNAL] = (struct pollfd){ signal_fd, POLLIN, 0 };
	relay.on[ON_CONSOLE] = (struct pollfd){ console_fd, POLLIN, 0 };
	relay.on[ON_STDIN] =
		(struct pollfd){ console_fd < 0 ? -1 : STDIN_FILENO, POLLIN, 0 };
	if (console_fd >= 0)
		make_raw(&relay);
	r = relay_until_end(&relay, err);
	if (r == 0)
		drain(&relay);
	if (relay.is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &relay.before);
	if (r < 0)
		return r;
	r = process_wait(pidfd, &code, &status);
	if (r < 0)
		return err_set(err, -r, "learn how the container's process ended");
	return code == CLD_EXITED ? status : 128 + status;
}
