/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moments between two steps of a creation or a deletion at which a kill or a failure would
 * hurt most: the fail points of the runtime (common/fail.h), by name, so that a test can go
 * through all of them.
 */
#ifndef UCR_RUNTIME_STEPS_H
#define UCR_RUNTIME_STEPS_H

#include "common/err.h"

enum runtime_step {
	STEP_CGROUP,  /* the cgroup is made, with its limits */
	STEP_PROCESS, /* the process is cloned, and waits */
	STEP_STATE,   /* it is written down */
	STEP_READY,   /* it has isolated itself, and waits */
	STEP_ENDED,   /* of a deletion: nothing runs any more */
	STEP_CGROUP_REMOVED,
	RUNTIME_STEP_COUNT,
};

extern const char *const runtime_step_names[RUNTIME_STEP_COUNT + 1]; /* NULL ends it */

/* 0, or the failure that is injected there. */
int runtime_step(enum runtime_step step, struct err *err)
	__attribute__((warn_unused_result));

#endif
