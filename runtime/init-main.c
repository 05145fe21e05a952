/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-init: the first process of a container that was asked to have one. It runs the
 * program as its child, hands on every signal, reaps whatever is orphaned to it, and ends
 * as the child did. The kernel ends everything else in the pid namespace with it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_OWN_ERROR 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

static void say(const char *what, int code)
{
	(void)fprintf(stderr, "ucr-init: %s: %s\n", what, strerror(code));
}

/* A process group of its own, in the foreground of the terminal if there is one, so that
 * a job-control shell works; SIGTTOU would stop a background process that asks for it. */
static int run_child(char **argv, const sigset_t *old)
{
	int code;

	(void)setpgid(0, 0);
	(void)signal(SIGTTOU, SIG_IGN);
	(void)tcsetpgrp(STDIN_FILENO, getpid());
	(void)signal(SIGTTOU, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, old, NULL);
	(void)execvp(argv[0], argv);
	code = errno;
	say(argv[0], code);
	return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

/* Reaps all that ended. True when the child was among them. */
static int reap(pid_t child, int *ret_status)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
						  : WEXITSTATUS(status);
		return 1;
	}
	return 0;
}

/* Synchronous faults are our own and stay deadly; the rest is waited for and handed on.
 */
static void choose_signals(sigset_t *ret)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP,
		SIGSYS };

	(void)sigfillset(ret);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		(void)sigdelset(ret, own[i]);
}

int main(int argc, char **argv)
{
	sigset_t set, old;
	int signal_number, status;
	pid_t child;

	argv += argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (argc < 2 || !*argv) {
		(void)fputs("ucr-init: no program to run\n", stderr);
		return EXIT_OWN_ERROR;
	}
	choose_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child < 0) {
		say("fork", errno);
		return EXIT_OWN_ERROR;
	}
	if (child == 0)
		return run_child(argv, &old);
	for (;;) {
		if (sigwait(&set, &signal_number) != 0)
			continue;
		if (signal_number != SIGCHLD)
			(void)kill(child, signal_number);
		else if (reap(child, &status))
			return status;
	}
}
