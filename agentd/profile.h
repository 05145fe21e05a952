/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the processor time of a container goes: its processes are sampled by the kernel's perf
 * events, each sample a stack of return addresses (by frame pointers), and each address becomes the
 * name of a function, read from the task's own files beneath its own root. Whatever those files hold
 * can at worst be a wrong name. What has no name is "[unknown]".
 */
#ifndef UCR_AGENTD_PROFILE_H
#define UCR_AGENTD_PROFILE_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROFILE_UNKNOWN "[unknown]"
#define PROFILE_SEPARATOR                                                                \
	'\n' /* below every character of a name, so that stacks sort as a tree */
#define PROFILE_DEPTH_MAX 127

struct profile_options {
	int cgroup_fd; /* of the version 2 tree; -1: the threads of `pids` are sampled one by one */
	const pid_t *pids;
	size_t pid_count;
	uint32_t frequency; /* samples a second and processor */
	uint64_t duration_ms;
	bool (*is_stopped)(void); /* asked several times a second; NULL: never */
};

/* A stack from its root, which is the name of the process, and how often it was met. */
struct profile_stack {
	char *frames; /* PROFILE_SEPARATOR between */
	uint64_t count;
};

struct profile {
	struct profile_stack *stacks; /* sorted by frames */
	size_t count;
	uint64_t samples, lost;
};

#define cleanup_profile cleanup_with(profile_done)
void profile_done(struct profile *profile);

/* -ENOSYS, -EACCES: the kernel cannot, or does not let us. */
int profile_run(const struct profile_options *options, struct profile *ret,
	struct err *err) __attribute__((warn_unused_result));

/* A line for each stack: "init;main;spin 12". */
void profile_fold(const struct profile *profile, struct buf *out);

/* A flame graph as one SVG document without a script; its tooltips tell names and shares. */
void profile_draw(const struct profile *profile, const char *title, struct buf *out);

#endif
