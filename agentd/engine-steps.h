/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moments between two steps of a launch or of a container's end at which a kill or a failure
 * would hurt most: the fail points of the engine (common/fail.h), as runtime/steps.h and
 * images/store-steps.h have theirs.
 */
#ifndef UCR_AGENTD_ENGINE_STEPS_H
#define UCR_AGENTD_ENGINE_STEPS_H

#include "common/err.h"

enum engine_step {
	STEP_LAUNCH_DIRECTORY, /* there and locked, empty */
	STEP_LAUNCH_IDS,       /* of its user namespace are taken */
	STEP_LAUNCH_NAME,
	STEP_LAUNCH_SAVED, /* container.json is there */
	STEP_LAUNCH_CONFIG,
	STEP_LAUNCH_NETWORK, /* address and ports are taken */
	STEP_LAUNCH_FILES,
	STEP_LAUNCH_ROOT,
	STEP_LAUNCH_SANDBOX,
	STEP_LAUNCH_CREATED, /* the process waits to be started */
	STEP_LAUNCH_ATTACHED,
	STEP_LAUNCH_STARTED,
	STEP_LAUNCH_REPORTED, /* the caller knows; the shim is not executed yet */
	STEP_END_USAGE,	      /* what it had used is written down */
	STEP_END_TOLD,	      /* the event is written */
	STEP_END_NETWORK,     /* address and ports are given back */
	STEP_END_DELETED,     /* its process and cgroup are gone */
	STEP_REMOVE_NAME,
	STEP_REMOVE_HIDDEN, /* nobody can find it any more */
	ENGINE_STEP_COUNT,
};

extern const char *const engine_step_names[ENGINE_STEP_COUNT + 1]; /* NULL ends it */

/* 0, or the failure that is injected there. */
int engine_step(enum engine_step step, struct err *err)
	__attribute__((warn_unused_result));

#endif
