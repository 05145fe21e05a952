/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct backend *backend;
	struct ctl *ctl = context;
	int r = ctl_backend(ctl, &backend, err);

	return r < 0 ? r : backend->tag(ctl, args[0], args[1], err);
}

const struct verb_spec verb_tag = {
	.name = "tag",
	.section = SECTION_IMAGES,
	.summary = "Give an image one more name",
	.args = "IMAGE NAME[:TAG]",
	.args_min = 2,
	.args_max = 2,
	.complete = COMPLETE_IMAGE,
	.run = run,
};
