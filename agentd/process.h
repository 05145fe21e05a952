/* SPDX-License-Identifier: Apache-2.0 */
/* A process as /proc tells it (proc(5)). */
#ifndef UCR_AGENTD_PROCESS_H
#define UCR_AGENTD_PROCESS_H

#include "common/json.h"

#include <stdint.h>
#include <sys/types.h>

#define PROCESS_COMMAND_MAX 1024

struct process {
	pid_t pid, ppid;
	uid_t uid;
	char state; /* R, S, D, Z, T, … */
	uint64_t cpu_ms, rss_bytes;
	/* its arguments joined by blanks; a kernel name in brackets */
	char command[PROCESS_COMMAND_MAX];
};

/* `proc_dirfd`: /proc. -ESRCH or -ENOENT when it is gone. */
int process_read(int proc_dirfd, pid_t pid, struct process *ret)
	__attribute__((warn_unused_result));

/* As the agent's socket tells it. */
void process_write(struct json_writer *w, const struct process *process);
int process_decode(const struct json *v, struct process *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
