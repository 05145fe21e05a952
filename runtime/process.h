/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process named so that nobody else can be mistaken for it: a pid is recycled, a pid
 * with its start time and the boot it happened in is not.
 */
#ifndef UCR_RUNTIME_PROCESS_H
#define UCR_RUNTIME_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BOOT_ID_MAX 40

/* fork(2) with a pidfd and, in one step, what clone3(2) can add: new namespaces
 * (CLONE_NEW*), CLONE_PARENT, and with `cgroup_fd` >= 0 a birth in that cgroup. 0 in the
 * child, its pid in the parent, or -errno. */
pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
	__attribute__((warn_unused_result));

/* Waits for a child: its exit status as waitid(2) tells it, or -errno. */
int process_wait(int pidfd, int *ret_code, int *ret_status);

/* Field 22 of /proc/PID/stat, in clock ticks since boot. -ESRCH when it is gone or a
 * zombie with no thread left. */
int process_start_time(int proc_dirfd, pid_t pid, uint64_t *ret)
	__attribute__((warn_unused_result));

int process_boot_id(int proc_dirfd, char ret[BOOT_ID_MAX])
	__attribute__((warn_unused_result));

/* A pidfd of the process that started at `start_time`, or -ESRCH. */
int process_open(int proc_dirfd, pid_t pid, uint64_t start_time)
	__attribute__((warn_unused_result));

int process_signal(int pidfd, int signal);

/* Its real uid and gid as we see them; `pid_dirfd` is its /proc/PID. */
int process_ids(int pid_dirfd, uid_t *ret_uid, gid_t *ret_gid)
	__attribute__((warn_unused_result));

/* True once the process has ended, reaped or not. Waits for it up to `timeout_ms`, -1:
 * for ever. */
bool process_has_ended(int pidfd, int timeout_ms);

#endif
