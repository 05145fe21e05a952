/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/engine-steps.h"

#include "common/fail.h"

#include <stddef.h>

const char *const engine_step_names[ENGINE_STEP_COUNT + 1] = {
	[STEP_LAUNCH_DIRECTORY] = "launch-directory",
	[STEP_LAUNCH_NAME] = "launch-name",
	[STEP_LAUNCH_IDS] = "launch-ids",
	[STEP_LAUNCH_SAVED] = "launch-saved",
	[STEP_LAUNCH_CONFIG] = "launch-config",
	[STEP_LAUNCH_NETWORK] = "launch-network",
	[STEP_LAUNCH_FILES] = "launch-files",
	[STEP_LAUNCH_ROOT] = "launch-root",
	[STEP_LAUNCH_SANDBOX] = "launch-sandbox",
	[STEP_LAUNCH_CREATED] = "launch-created",
	[STEP_LAUNCH_ATTACHED] = "network-attached",
	[STEP_LAUNCH_STARTED] = "launch-started",
	[STEP_LAUNCH_REPORTED] = "launch-reported",
	[STEP_END_USAGE] = "end-usage",
	[STEP_END_TOLD] = "cleanup",
	[STEP_END_NETWORK] = "end-network",
	[STEP_END_DELETED] = "end-deleted",
	[STEP_REMOVE_NAME] = "remove-name",
	[STEP_REMOVE_HIDDEN] = "remove-hidden",
};

int engine_step(enum engine_step step, struct err *err)
{
	int r = fail_point(engine_step_names[step]);

	return r < 0 ? err_set(err, -r, "%s", engine_step_names[step]) : 0;
}
