/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks.h"

#include "common/fd.h"
#include "isolators/attributes.h"
#include "runtime/process.h"
#include "runtime/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_SHOWN 300

static int state_fd(const struct hook_run *run)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct runtime_state state = *run->state;
	int r;

	state.status = run->status;
	state.pid = run->pid;
	state_write(&w, &state, NULL);
	r = buf_finish(&b);
	if (r < 0)
		return r;
	/* A file and not a pipe: a hook need not read it. */
	return fd_memfd_sealed("ucr-state", b.data, b.len);
}

/* The hook's process: does not return. What it cannot do it says where its output goes.
 */
static void exec_hook(const struct hook_run *run, const struct spec_hook *hook, int in_fd,
	int out_fd) __attribute__((noreturn));
static void exec_hook(
	const struct hook_run *run, const struct spec_hook *hook, int in_fd, int out_fd)
{
	char *no_env[] = { NULL }, *no_args[] = { hook->path, NULL };
	struct err err = { 0 };

	/* A group of its own, so that a timeout also ends what the hook started. */
	(void)setpgid(0, 0);
	attributes_reset_signals();
	if (dup2(in_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
		dup2(out_fd, STDERR_FILENO) < 0 || fd_cloexec_from(3) < 0)
		_exit(126);
	if (run->confine && run->confine(run->arg, &err) < 0) {
		(void)dprintf(STDERR_FILENO, "%s", err.text);
		_exit(126);
	}
	(void)execve(hook->path, hook->args ? hook->args : no_args,
		hook->env ? hook->env : no_env);
	(void)dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(127);
}

/* The end of what the hook printed, on one line. */
static void read_output(int fd, char *ret, size_t room)
{
	char raw[OUTPUT_SHOWN + 1];
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > OUTPUT_SHOWN ? end - OUTPUT_SHOWN : 0;
	ssize_t n = end > 0 ? pread(fd, raw, OUTPUT_SHOWN, from) : 0;

	while (n > 0 && (raw[n - 1] == '\n' || raw[n - 1] == ' '))
		n--;
	raw[n > 0 ? n : 0] = '\0';
	for (char *c = raw; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	str_printable(raw, ret, room);
}

static int hook_result(const struct hook_run *run, const struct spec_hook *hook, int code,
	int status, int out_fd, struct err *err)
{
	char output[OUTPUT_SHOWN * 2];

	if (code == CLD_EXITED && status == 0)
		return 0;
	read_output(out_fd, output, sizeof(output));
	if (code == CLD_EXITED)
		return err_say(err, ECANCELED, "the %s hook %s exited with status %d%s%s",
			run->name, hook->path, status, *output ? ": " : "", output);
	return err_say(err, ECANCELED, "the %s hook %s was ended by signal %d%s%s",
		run->name, hook->path, status, *output ? ": " : "", output);
}

static int run_hook(
	const struct hook_run *run, const struct spec_hook *hook, struct err *err)
{
	cleanup_close int in_fd = -1, out_fd = -1, pidfd = -1;
	int code, status, timeout_ms = -1, r;
	bool is_late;
	pid_t pid;

	in_fd = state_fd(run);
	if (in_fd < 0)
		return err_set(err, -in_fd, "write the state for hooks");
	out_fd = memfd_create("ucr-hook-output", MFD_CLOEXEC);
	if (out_fd < 0)
		return err_set(err, errno, "make a file for a hook's output");
	pid = process_clone(0, -1, &pidfd);
	if (pid < 0)
		return err_set(err, -pid, "start the %s hook", run->name);
	if (pid == 0)
		exec_hook(run, hook, in_fd, out_fd);
	if (hook->has_timeout)
		timeout_ms = hook->timeout < 86400 ? (int)hook->timeout * 1000 : 86400000;
	is_late = !process_has_ended(pidfd, timeout_ms);
	if (is_late) {
		(void)kill(-pid, SIGKILL);
		(void)process_signal(pidfd, SIGKILL);
	}
	r = process_wait(pidfd, &code, &status);
	if (r < 0)
		return err_set(err, -r, "wait for the %s hook", run->name);
	if (is_late)
		return err_say(err, ETIMEDOUT, "the %s hook %s took more than %lld s",
			run->name, hook->path, (long long)hook->timeout);
	return hook_result(run, hook, code, status, out_fd, err);
}

int hooks_run(const struct hook_run *run, struct err *err)
{
	int r;

	for (size_t i = 0; i < run->hooks->count; i++) {
		r = run_hook(run, &run->hooks->items[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_all(const struct hook_run *run, struct notes *notes)
{
	struct err err = { 0 };

	for (size_t i = 0; i < run->hooks->count; i++) {
		if (run_hook(run, &run->hooks->items[i], &err) < 0)
			notes_add(notes, "%s", err.text);
	}
}

int hooks_load_spec(int state_dirfd, struct spec **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(state_dirfd, STATE_CONFIG, SPEC_SIZE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the configuration kept at creation");
	return spec_parse(text, len, ret, err);
}
