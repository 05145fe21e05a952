/* SPDX-License-Identifier: Apache-2.0 */
/* A process as /proc tells it (proc(5)). */
#ifndef UCR_AGENTD_PROCESS_H
#define UCR_AGENTD_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid, ppid;
	uid_t uid;
	char state; /* R, S, D, Z, T, … */
	uint64_t cpu_ms, rss_bytes;
	char command[1024]; /* its arguments joined by blanks; a kernel name in brackets
			     */
};

/* `proc_dirfd`: /proc. -ESRCH or -ENOENT when it is gone. */
int process_read(int proc_dirfd, pid_t pid, struct process *ret)
	__attribute__((warn_unused_result));

#endif
