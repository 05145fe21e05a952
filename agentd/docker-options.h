/* SPDX-License-Identifier: Apache-2.0 */
/* What a request of Docker's API says beside the container, the image and the options of a run: the
 * part of struct agent_call that only agentd/agent-docker.h's operations read. */
#ifndef UCR_AGENTD_DOCKER_OPTIONS_H
#define UCR_AGENTD_DOCKER_OPTIONS_H

#include "common/json.h"
#include "common/str.h"

struct docker_options {
	char *exec;	      /* a process that was asked for in a container */
	char *name;	      /* a new name; of an image: the repository */
	char *tag;	      /* or a digest */
	char *path;	      /* in the container */
	char *condition;      /* what is waited for */
	char *signal;	      /* a name or a number */
	char *words;	      /* ps's own options */
	char *login;	      /* "USER:PASSWORD" for the registry */
	strv filters;	      /* "key=value" */
	int64_t since, until; /* nanoseconds since the epoch; 0: no bound */
	uint32_t tail;	      /* lines, where has_tail */
	int32_t grace_s;      /* where has_grace; negative: for ever */
	uint32_t limit;	      /* 0: all */
	uint32_t rows, columns;
	bool has_tail, has_grace;
	bool is_all, is_forced, is_followed, is_detached;
	bool has_stdout, has_stderr, has_stdin, has_timestamps;
};

extern const struct json_field docker_fields[];

#endif
