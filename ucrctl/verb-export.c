/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-export.h"
#include "ucrctl/ctl.h"
#include "ucrctl/obtain.h"
#include "ucrctl/output-file.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <unistd.h>

struct export_options {
	const char *output;
};

static const struct option_spec options[] = {
	{ "output", 'o', .arg = "FILE", .set = option_string,
		.offset = offsetof(struct export_options, output),
		.complete = COMPLETE_FILE,
		.help = "Write to FILE, which is replaced when all is well (default: standard "
			"output)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_output_file struct output_file out = OUTPUT_FILE_NONE;
	cleanup_container struct container *container = NULL;
	struct import_userns userns = { .userns_fd = -1 };
	const struct export_options *o = opts;
	cleanup_close int userns_fd = -1;
	cleanup_strv strv notes = NULL;
	struct engine *engine;
	int r;

	r = ctl_container(context, args[0], &engine, &container, err);
	if (r == 0)
		r = output_file_open("export", o->output, false, &out, err);
	if (r == 0)
		r = obtain_userns(engine, false, &userns, err);
	if (r < 0)
		return r;
	userns_fd = userns.userns_fd;
	r = container_export(
		engine, container, &userns, output_file_fd(&out), &notes, err);
	strv_each (note, notes)
		print_note(*note);
	if (r < 0)
		return err_wrap(err, "export container %.80s", args[0]);
	return output_file_keep(&out, err);
}

const struct verb_spec verb_export = {
	.name = "export",
	.section = SECTION_CONTAINERS,
	.summary = "Write a container's root file system as a tar archive",
	.text = "The image's files with what the container made of them; volumes and other mounts "
		"are not in it. The container may be running: each file is as it was when it was "
		"read. `ucrctl import` makes an image of the archive; what the image says on how "
		"to run it is not in the archive.",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_CONTAINER,
	.groups = groups,
	.options_size = sizeof(struct export_options),
	.run = run,
};
