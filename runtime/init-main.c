/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-init: the first process of a container that was asked to have one. It runs the
 * program as its child, hands on every signal, reaps whatever is orphaned to it, and ends
 * as the child did. The kernel ends everything else in the pid namespace with it.
 *
 *   ucr-init [--pre-start=N WORD…] [--post-stop=N WORD…] [--] PROGRAM [ARGUMENT…]
 *   ucr-init --hold
 *
 * The N words are a command that runs before the program, which is not started when that
 * fails, and one that runs after it, whatever became of it. With --hold there is no program: it
 * holds the container's namespaces for others until it is told to end.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Runs a command as the child, to its end. Its exit status, 128 and the signal's number, or
 * -1 when it was not started. */
static int run(char **argv, const sigset_t *set, const sigset_t *old)
{
	int signal_number, status;
	pid_t child = fork();

	if (child < 0) {
		say("fork", errno);
		return -1;
	}
	if (child == 0)
		_exit(run_child(argv, old));
	for (;;) {
		if (sigwait(set, &signal_number) != 0)
			continue;
		if (signal_number != SIGCHLD)
			(void)kill(child, signal_number);
		else if (reap(child, &status))
			return status;
	}
}

struct commands {
	char **pre_start, **post_stop, **program;
};

/* "--pre-start=N": the N words that follow, of which there must be at least one more. Ended by
 * taking the place of the option: NULL there, and the words moved one to the left. */
static char **take_words(char ***argv, const char *option)
{
	size_t len = strlen(option), count;
	char **words = *argv;
	char *end;

	if (!words[0] || strncmp(words[0], option, len) != 0)
		return NULL;
	count = strtoul(words[0] + len, &end, 10);
	if (*end || !count)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!words[i + 1])
			return NULL;
		words[i] = words[i + 1];
	}
	words[count] = NULL;
	*argv = words + count + 1;
	return words;
}

static bool parse(char **argv, struct commands *ret)
{
	argv += *argv != NULL;
	ret->pre_start = take_words(&argv, "--pre-start=");
	ret->post_stop = take_words(&argv, "--post-stop=");
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	ret->program = argv;
	return *argv != NULL;
}

static int run_all(const struct commands *c, const sigset_t *set, const sigset_t *old)
{
	int status = 0;

	if (c->pre_start) {
		status = run(c->pre_start, set, old);
		if (status != 0) {
			(void)fprintf(stderr,
				"ucr-init: %s, which is to run before the program, failed (%d): "
				"the program is not started\n",
				*c->pre_start, status);
			return status;
		}
	}
	status = run(c->program, set, old);
	if (c->post_stop && run(c->post_stop, set, old) != 0)
		(void)fprintf(stderr,
			"ucr-init: %s, which is to run after the program, failed\n",
			*c->post_stop);
	return status;
}

/* What others left to us the kernel reaps. */
static int hold(void)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };
	sigset_t set;
	int signal_number;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		(void)sigaddset(&set, ends[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGCHLD, SIG_IGN);
	return sigwait(&set, &signal_number) == 0 ? 0 : EXIT_OWN_ERROR;
}

int main(int argc, char **argv)
{
	struct commands commands;
	sigset_t set, old;
	int status;

	if (argc == 2 && strcmp(argv[1], "--hold") == 0)
		return hold();
	if (!parse(argv, &commands)) {
		(void)fputs("ucr-init: no program to run\n", stderr);
		return EXIT_OWN_ERROR;
	}
	choose_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	status = run_all(&commands, &set, &old);
	return status < 0 ? EXIT_OWN_ERROR : status;
}
