/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of which most are behind the calls that Mesos does not have (agentd/api-own-calls.h): what is told
 * of containers (agent-containers.c) and images (agent-images.c) is what ucrctl shows. */
#ifndef UCR_AGENTD_AGENT_OWN_OPS_H
#define UCR_AGENTD_AGENT_OWN_OPS_H

#include "agentd/agent-private.h"

/* agent-exec.c: a further process in a container; and how a program that cannot be executed is
 * told of, with the exit status to give for it. 0. */
int agent_answer_outcome(struct agent_answer *answer, int status, const struct err *err);
/* Whether policy allows a process as `run` asks for it in the container. */
int agent_check_exec(struct agent *agent, const struct agent_call *call,
	const struct container *container, const struct run_options *run, struct err *err)
	__attribute__((warn_unused_result));
int agent_exec(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

/* agent-logs.c */
int agent_logs(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

int agent_list_containers(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_find_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_inspect_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_stop_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_measure_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_profile_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_list_processes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_list_images(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_prune_images(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_inspect_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
/* agent-image-load.c: of an archive that is the call's body */
int agent_load_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_pull_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

#endif
