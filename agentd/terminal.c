/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_make_raw(struct terminal *terminal)
{
	struct termios raw;

	terminal->is_raw = false;
	if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0)
		return errno == ENOTTY || errno == EBADF ? 0 : -errno;
	raw = terminal->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return -errno;
	terminal->is_raw = true;
	return 0;
}

/* From the background, setting a terminal stops the process unless SIGTTOU is ignored. */
void terminal_restore(struct terminal *terminal)
{
	void (*old)(int);

	if (!terminal->is_raw)
		return;
	old = signal(SIGTTOU, SIG_IGN);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
	(void)signal(SIGTTOU, old);
	terminal->is_raw = false;
}

bool terminal_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
	struct winsize window;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &window) < 0)
			continue;
		*ret_rows = window.ws_row;
		*ret_columns = window.ws_col;
		return true;
	}
	return false;
}
