/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/steps.h"

#include "common/fail.h"

#include <stddef.h>

const char *const runtime_step_names[RUNTIME_STEP_COUNT + 1] = {
	[STEP_CGROUP] = "cgroup-made",
	[STEP_PROCESS] = "process-cloned",
	[STEP_STATE] = "state-saved",
	[STEP_READY] = "process-ready",
	[STEP_ENDED] = "process-ended",
	[STEP_CGROUP_REMOVED] = "cgroup-removed",
};

int runtime_step(enum runtime_step step, struct err *err)
{
	int r = fail_point(runtime_step_names[step]);

	return r < 0 ? err_set(err, -r, "%s", runtime_step_names[step]) : 0;
}
