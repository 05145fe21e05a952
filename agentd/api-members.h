/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read the Mesos calls share: tables whose members write into one struct, and
 * what is made of it when all were read. */
#ifndef UCR_AGENTD_API_MEMBERS_H
#define UCR_AGENTD_API_MEMBERS_H

#include "agentd/api-calls.h"
#include "agentd/api-network.h"

struct api_uri {
	char *value, *output_file;
	bool is_executable, is_cached;
	bool is_kept; /* an archive that is not extracted */
};

/* All nested tables write into this one struct. */
struct api_members {
	struct agent_call call;
	bool is_program; /* "shell" is false */
	char *value;
	strv arguments;
	struct {
		struct api_uri *items;
		size_t count;
	} uris;
	struct api_networks networks;
	uint64_t cpu_milli, memory_bytes;	      /* 0: not given */
	uint64_t cpu_limit_milli, memory_limit_bytes; /* the same; "limits" */
	bool is_memory_unlimited;		      /* the limit is "Infinity" */
	char *container_type, *image_type;
};

/* Members of CommandInfo and ContainerInfo. */
extern const struct json_field api_command_members[], api_container_members[];
/* api-resources.c: both write into the whole struct. */
extern const struct json_field api_limit_members[];
int api_decode_resources(
	const struct json *v, void *out, const void *arg, struct err *err);
/* What Mesos has and the agent has not, said in `arg`; an empty list asks for nothing. */
int api_refuse(const struct json *v, void *out, const void *arg, struct err *err);

/* Makes the options of a run from what was read. */
int api_members_finish(struct api_members *request, struct err *err)
	__attribute__((warn_unused_result));
/* Frees what is not the call's. */
void api_members_done(struct api_members *request);

/* api-task.c: calls about tasks. */
extern const struct json_field api_launch_task_members[], api_launch_group_members[],
	api_kill_task_members[], api_acknowledge_members[], api_reconcile_members[];

#endif
