/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process.h"

#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAT_MAX 1024
#define STATUS_MAX 4096
#define STAT_FIELD_STATE 3
#define STAT_FIELD_START_TIME 22

pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		/* With CLONE_PARENT the signal is the caller's own; naming one is EINVAL.
		 */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

int process_wait(int pidfd, int *ret_code, int *ret_status)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	*ret_code = info.si_code;
	*ret_status = info.si_status;
	return 0;
}

/* The n-th field of /proc/PID/stat. Fields are counted from the last ')', because the
 * name of the program, the second field, may hold blanks and parentheses. */
static const char *stat_field(const char *stat, int n)
{
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < n; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at;
}

int process_start_time(int proc_dirfd, pid_t pid, uint64_t *ret)
{
	char name[32], stat[STAT_MAX];
	const char *state, *field;
	int r;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	r = fd_read_kernel_file(proc_dirfd, name, stat, sizeof(stat));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	state = stat_field(stat, STAT_FIELD_STATE);
	field = stat_field(stat, STAT_FIELD_START_TIME);
	if (!state || !field)
		return -EPROTO;
	if (*state == 'Z' || *state == 'X')
		return -ESRCH;
	*ret = strtoull(field, NULL, 10);
	return 0;
}

int process_ids(int pid_dirfd, uid_t *ret_uid, gid_t *ret_gid)
{
	char text[STATUS_MAX];
	const char *uid, *gid;
	int r = fd_read_kernel_file(pid_dirfd, "status", text, sizeof(text));

	uid = r < 0 ? NULL : strstr(text, "\nUid:");
	gid = r < 0 ? NULL : strstr(text, "\nGid:");
	if (!uid || !gid || sscanf(uid, "\nUid: %u", ret_uid) != 1 ||
		sscanf(gid, "\nGid: %u", ret_gid) != 1)
		return r < 0 ? r : -EPROTO;
	return 0;
}

int process_boot_id(int proc_dirfd, char ret[BOOT_ID_MAX])
{
	int r;

	r = fd_read_kernel_file(
		proc_dirfd, "sys/kernel/random/boot_id", ret, BOOT_ID_MAX);
	if (r < 0)
		return r;
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

int process_open(int proc_dirfd, pid_t pid, uint64_t start_time)
{
	cleanup_close int pidfd = -1;
	uint64_t now;
	int r;

	if (pid <= 0)
		return -ESRCH;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	/* Read after the pidfd was opened: if the times agree it is the right one. */
	r = process_start_time(proc_dirfd, pid, &now);
	if (r < 0)
		return r;
	return now == start_time ? take_fd(&pidfd) : -ESRCH;
}

int process_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

bool process_has_ended(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}
