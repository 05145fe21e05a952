/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-steps.h"

#include "common/fail.h"

#include <stddef.h>

const char *const store_step_names[STEP_COUNT + 1] = {
	[STEP_STAGED] = "import-staged",
	[STEP_LAYER_UNPACKED] = "layer-unpacked",
	[STEP_UNPACKED] = "import-unpacked",
	[STEP_LAYER_COMMIT] = "layer-commit",
	[STEP_LAYERS_COMMITTED] = "layers-committed",
	[STEP_FILE_WRITE] = "store-file-write",
	[STEP_FILE_RENAME] = "store-file-rename",
	[STEP_IMAGE_RECORDED] = "image-recorded",
	[STEP_IMAGE_NAMED] = "image-named",
	[STEP_SOURCE_RENAME] = "source-rename",
	[STEP_LAYERS_FLUSH] = "flush-begin",
	[STEP_LAYER_DURABLE] = "flush-mark",
	[STEP_GC_MARKED] = "gc-marked",
	[STEP_GC_MOVED] = "gc-moved",
	[STEP_QUARANTINE] = "quarantine-begin",
	[STEP_QUARANTINED] = "quarantine-moved",
	[STEP_EVICT_UNNAMED] = "evict-unnamed",
	[STEP_EVICTED] = "evict-removed",
};

int store_step(enum store_step step)
{
	return fail_point(store_step_names[step]);
}
