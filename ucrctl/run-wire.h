/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of `run` and `exec` for an agent. What is this command's own business is settled here:
 * its environment and the files of --env-file are read, files that would be fetched are refused.
 * What the agent has no word for (agentd/run-fields.h) is refused by the option's name, never left
 * out in silence.
 */
#ifndef UCR_UCRCTL_RUN_WIRE_H
#define UCR_UCRCTL_RUN_WIRE_H

#include "common/json-writer.h"
#include "ucrctl/run-options.h"

int run_wire_check(const struct run_verb *options, struct err *err)
	__attribute__((warn_unused_result));
/* The member "run". */
int run_wire_write(struct json_writer *w, const struct run_options *options,
	struct err *err) __attribute__((warn_unused_result));

#endif
