/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shim.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define EXIT_OWN_ERROR 125

static const struct {
	const char *key;
	size_t offset;
} config_words[] = {
	{ "dir", offsetof(struct shim_config, dir_fd) },
	{ "record", offsetof(struct shim_config, record_fd) },
	{ "pid", offsetof(struct shim_config, pid_fd) },
	{ "listen", offsetof(struct shim_config, listen_fd) },
	{ "client", offsetof(struct shim_config, client_fd) },
	{ "in", offsetof(struct shim_config, in_fd) },
	{ "out", offsetof(struct shim_config, out_fd) },
	{ "err", offsetof(struct shim_config, err_fd) },
	{ "pty", offsetof(struct shim_config, pty_fd) },
	{ "net", offsetof(struct shim_config, net_fd) },
	{ "log-bytes", offsetof(struct shim_config, log_bytes) },
	{ "log-files", offsetof(struct shim_config, log_files) },
	{ "stdin-once", offsetof(struct shim_config, stdin_once) },
	{ "session", offsetof(struct shim_config, session) },
};

#define CONFIG_WORDS (sizeof(config_words) / sizeof(config_words[0]))

static int parse_word(const char *word, struct shim_config *config)
{
	const char *value = strchr(word, '=');

	for (size_t i = 0; value && i < CONFIG_WORDS; i++) {
		if (strlen(config_words[i].key) == (size_t)(value - word) &&
			strncmp(config_words[i].key, word, (size_t)(value - word)) == 0)
			return str_to_i64(value + 1,
				(int64_t *)((char *)config + config_words[i].offset));
	}
	return -EINVAL;
}

static int shim_config_parse(char **argv, struct shim_config *ret)
{
	struct shim_config config;
	int r;

	for (size_t i = 0; i < CONFIG_WORDS; i++)
		*(int64_t *)((char *)&config + config_words[i].offset) = -1;
	config.cleanup = NULL;
	for (; *argv && !str_eq(*argv, "--"); argv++) {
		r = parse_word(*argv, &config);
		if (r < 0)
			return r;
	}
	if (config.pid_fd < 0)
		return -EINVAL;
	if (*argv && argv[1])
		config.cleanup = argv + 1;
	*ret = config;
	return 0;
}

/*
 * A task can fill the disk that its own end has to be written to. Its copy of /etc/hosts is
 * read by nobody any more: the block that it has already takes the record, in place.
 */
static int write_exit_over_hosts(int dir_fd, const char *text, size_t len)
{
	cleanup_close int fd = openat(dir_fd, "hosts", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pwrite(fd, text, len, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < len)
		return -ENOSPC;
	if (ftruncate(fd, (off_t)len) < 0 || fchmod(fd, 0600) < 0 ||
		renameat(dir_fd, "hosts", dir_fd, "exit") < 0)
		return -errno;
	return 0;
}

/* Read by the engine (agentd/container.c). */
static int write_exit(const struct shim *shim)
{
	int dir_fd = (int)(shim->config.dir_fd >= 0 ? shim->config.dir_fd
						    : shim->config.record_fd);
	char stamp[TIMESTAMP_MAX], text[160];
	int len, r;

	if (dir_fd < 0)
		return 0;
	len = snprintf(text, sizeof(text),
		"{\"exit_status\":%d,\"signal\":%d,\"finished\":\"%s\"}\n",
		(int)shim->exit.status, (int)shim->exit.signal,
		timestamp_format(shim->exit.finished, stamp));
	r = fd_replace_file(dir_fd, "exit", text, (size_t)len, 0600, FD_NO_SYNC);
	if (r == -ENOSPC || r == -EDQUOT)
		r = write_exit_over_hosts(dir_fd, text, (size_t)len);
	return r;
}

static int reap(struct shim *shim)
{
	siginfo_t info = { 0 };

	if (waitid((idtype_t)P_PIDFD, (id_t)shim->config.pid_fd, &info, WEXITED) < 0)
		return -errno;
	if (info.si_code == CLD_EXITED) {
		shim->exit.status = info.si_status;
	} else {
		shim->exit.signal = info.si_status;
		shim->exit.status = 128 + info.si_status;
	}
	shim->exit.finished = timestamp_now();
	shim->has_exited = true;
	return 0;
}

/* How the task ended must not be lost to a full disk: tried again until it is written, or
 * until nobody can read it any more because the directory was removed. */
static int on_record(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim *shim = arg;
	int r = write_exit(shim);

	(void)events;
	if (r < 0 && r != -ENOENT)
		return source ? 0
			      : loop_add_timer(
					shim->loop, 1000, 1000, on_record, shim, NULL);
	loop_remove(source);
	shim_clients_finish(shim);
	if (!shim_has_foreground(shim))
		loop_stop(shim->loop);
	return 0;
}

/* What the task still left in its pipes comes before its end, in the log and for clients.
 */
static int on_exit_of_task(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim *shim = arg;
	int r = reap(shim);

	(void)events;
	if (r < 0)
		return r;
	loop_remove(source);
	shim_input_stop(shim);
	shim_streams_drain(shim);
	return on_record(NULL, 0, shim);
}

/* A shutdown of the host ends every process: hand it on, and stay for the end. */
static int on_signal(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim *shim = arg;

	(void)source;
	if (!shim->has_exited)
		(void)syscall(SYS_pidfd_send_signal, (int)shim->config.pid_fd,
			(int)events, NULL, 0);
	return 0;
}

static int watch(struct shim *shim)
{
	sigset_t set;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	r = loop_add_signals(shim->loop, &set, on_signal, shim);
	if (r < 0)
		return r;
	return loop_add_fd(shim->loop, (int)shim->config.pid_fd, EPOLLIN, on_exit_of_task,
		shim, NULL);
}

static int serve(struct shim *shim)
{
	int r = loop_new(&shim->loop);

	if (r < 0)
		return r;
	shim_log_init(&shim->log, (int)shim->config.dir_fd, shim->config.log_bytes,
		(unsigned int)shim->config.log_files);
	r = shim_input_start(shim);
	if (r == 0)
		r = watch(shim);
	if (r == 0)
		r = shim_clients_start(shim);
	if (r == 0)
		r = shim_streams_start(shim);
	if (r == 0)
		r = loop_run(shim->loop);
	return r;
}

/* The clean-up is a program of its own: it starts with none of our signal settings. */
static int execute_cleanup(const struct shim_config *config)
{
	char **argv = config->cleanup;
	sigset_t none;

	if (config->net_fd >= 0)
		(void)!fd_set_cloexec((int)config->net_fd, false);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)execv(argv[0], argv);
	return EXIT_OWN_ERROR;
}

int main(int argc, char **argv)
{
	static struct shim
		shim; /* 32 KiB of buffer: pages that are touched only when used */
	int r;

	(void)prctl(PR_SET_NAME, "ucr-shim");
	if (argc < 2 || shim_config_parse(argv + 1, &shim.config) < 0) {
		(void)fputs("ucr-shim is started by ucrctl and ucr-agentd, not by hand\n",
			stderr);
		return EXIT_OWN_ERROR;
	}
	r = fd_cloexec_from(3);
	if (r == 0)
		r = serve(&shim);
	if (r < 0)
		return EXIT_OWN_ERROR;
	if (!shim.is_released && shim.config.cleanup)
		return execute_cleanup(&shim.config);
	return 0;
}
