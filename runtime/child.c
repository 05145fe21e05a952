/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/child.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/namespaces.h"
#include "isolators/userns.h"
#include "runtime/lookup.h"
#include "runtime/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FIRST_FD 3 /* after stdin, stdout, stderr */

int child_become_root(const struct launch *launch, struct err *err)
{
	const struct namespaces *n = launch->isolation.namespaces;

	if (!namespaces_is_own(n, CLONE_NEWUSER) || namespaces_is_new(n, CLONE_NEWUSER))
		return 0;
	return userns_become_root(err);
}

int child_stdio(const struct launch *launch, struct err *err)
{
	int fds[3];

	/* First out of each other's way, then into place. */
	for (int i = 0; i < 3; i++) {
		fds[i] = launch->stdio_fds[i];
		if (fds[i] != i && fds[i] < FIRST_FD)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD);
		if (fds[i] < 0)
			return err_set(err, errno, "open the standard streams");
	}
	for (int i = 0; i < 3; i++) {
		if (fds[i] != i && dup2(fds[i], i) < 0)
			return err_set(err, errno, "set up the standard streams");
	}
	/* Out of reach of the caller's terminal; with one of its own console does this. */
	if (!launch->isolation.process->terminal)
		(void)setsid();
	return 0;
}

void child_own_stdio(const struct launch *launch)
{
	uint32_t uid = launch->isolation.process->user.uid;
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
			st.st_uid == geteuid() && st.st_uid != uid)
			(void)!fchown(fd, uid, (gid_t)-1);
	}
}

static int send_notes(struct launch *launch, struct err *err)
{
	int r;

	strv_each (line, launch->isolation.notes->lines) {
		r = sync_send(launch->child_fd, SYNC_NOTE, *line, strlen(*line), err);
		if (r < 0)
			return r;
	}
	return 0;
}

int child_ready(struct launch *launch, struct err *err)
{
	int *console_fd = &launch->isolation.console_fd;
	int r;

	r = send_notes(launch, err);
	if (r < 0)
		return r;
	r = ipc_send(launch->child_fd, SYNC_READY, NULL, 0, console_fd,
		*console_fd >= 0 ? 1 : 0);
	if (r < 0)
		return err_set(err, -r, "tell the launcher that all is ready");
	if (*console_fd >= 0)
		(void)close(take_fd(console_fd));
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int child_close_others(const struct launch *launch, struct err *err)
{
	int keep[] = { launch->child_fd, launch->listen_fd, launch->isolation.root_fd,
		launch->isolation.proc_dirfd, launch->isolation.console_fd };
	int next = FIRST_FD + launch->preserve_fds;

	qsort(keep, sizeof(keep) / sizeof(keep[0]), sizeof(keep[0]), compare_fds);
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		if (keep[i] < next)
			continue;
		if (keep[i] > next && syscall(SYS_close_range, next, keep[i] - 1, 0) < 0)
			return err_set(err, errno, "close inherited descriptors");
		next = keep[i] + 1;
	}
	if (syscall(SYS_close_range, next, ~0U, 0) < 0)
		return err_set(err, errno, "close inherited descriptors");
	return 0;
}

/* Only 0 to 2 and what the caller asked to keep may survive the exec (D5). */
static int seal_descriptors(int preserve_fds, struct err *err)
{
	int r;

	r = fd_cloexec_from(FIRST_FD + preserve_fds);
	if (r < 0)
		return err_set(err, -r, "mark descriptors close-on-exec");
	for (int fd = FIRST_FD; fd < FIRST_FD + preserve_fds; fd++) {
		r = fd_set_cloexec(fd, false);
		if (r < 0)
			return err_set(err, -r, "preserve descriptor %d", fd);
	}
	return 0;
}

static int load_filter(
	const struct seccomp_filter *filter, int report_fd, struct err *err)
{
	cleanup_close int listener_fd = -1;
	int r;

	if (!filter->code)
		return 0;
	r = seccomp_install(filter, &listener_fd, err);
	if (r < 0 || listener_fd < 0)
		return r;
	r = ipc_send(report_fd, SYNC_LISTENER, NULL, 0, &listener_fd, 1);
	return r < 0 ? err_set(err, -r, "hand over the seccomp listener") : 0;
}

/*
 * A filter that relies on no_new_privs goes last. Without it loading needs CAP_SYS_ADMIN,
 * so the filter comes before the capabilities go, and must then allow what giving them up
 * takes.
 */
static int confine(struct launch *launch, unsigned int stage,
	const struct seccomp_filter *filter, int report_fd, struct err *err)
{
	bool is_last = launch->isolation.process->no_new_privileges;
	int r = 0;

	if (!is_last)
		r = load_filter(filter, report_fd, err);
	if (r == 0)
		r = registry_isolate(&launch->isolation, stage, err);
	if (r == 0 && is_last)
		r = load_filter(filter, report_fd, err);
	return r;
}

int child_confine_hook(
	struct launch *launch, const struct seccomp_filter *filter, struct err *err)
{
	/* A hook answers to nobody: a filter that asks a supervisor would stop it for
	 * ever. */
	if (seccomp_filter_has_listener(filter))
		return registry_isolate(&launch->isolation, STAGE_HOOK, err);
	return confine(launch, STAGE_HOOK, filter, -1, err);
}

int child_execute(struct launch *launch, const struct seccomp_filter *filter,
	const char *program, int report_fd, struct err *err)
{
	const struct spec_process *process = launch->isolation.process;
	char *no_env[] = { NULL };
	int r;

	r = registry_isolate(&launch->isolation, STAGE_SETTLE, err);
	if (r < 0)
		return r;
	r = seal_descriptors(launch->preserve_fds, err);
	if (r < 0)
		return r;
	r = confine(launch, STAGE_CONFINE, filter, report_fd, err);
	if (r < 0)
		return r;
	(void)execve(program, process->args, process->env ? process->env : no_env);
	return lookup_failure(program, errno, err);
}

void child_fail(int report_fd, int result, const struct err *err)
{
	sync_send_failure(report_fd, result, err);
	_exit(result > 0 ? result : 1);
}
