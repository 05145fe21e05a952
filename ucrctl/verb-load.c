/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/obtain.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include "images/reference.h"

#include <errno.h>

struct load_options {
	const char *input;
	bool is_quiet;
	unsigned int progress;
};

static const struct option_spec options[] = {
	{ "input", 'i', .arg = "FILE", .set = option_string,
		.offset = offsetof(struct load_options, input),
		.help = "Read FILE, FILE:TAG, or a format and a file such as oci:DIR "
			"(default: standard input)",
		.complete = COMPLETE_FILE },
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct load_options, is_quiet),
		.help = "Show no progress" },
	{ "progress", .arg = "HOW", .set = option_choice, .param = progress_names,
		.offset = offsetof(struct load_options, progress),
		.help = "Show progress as bar, plain, json or none (default: bars on a terminal)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int choose_source(
	const struct load_options *o, char **args, const char **ret, struct err *err)
{
	if (o->input && args[0])
		return err_say(err, EINVAL,
			"load: name the archive once: \"%.80s\" or \"%.80s\"", o->input,
			args[0]);
	*ret = o->input ? o->input : args[0];
	if (*ret)
		return 0;
	if (isatty(STDIN_FILENO)) {
		(void)err_say(err, EINVAL, "load: standard input is a terminal");
		return err_hint(err, "name an archive: ucrctl load -i FILE");
	}
	*ret = "-";
	return 0;
}

static void put_loaded(struct ctl *ctl, const struct image *image)
{
	if (!image->names || !*image->names)
		buf_printf(&ctl->out, "Loaded image ID: %s\n", image->id);
	strv_each (name, image->names) {
		buf_puts(&ctl->out, "Loaded image: ");
		print_text(&ctl->out, reference_familiar(*name));
		buf_putc(&ctl->out, '\n');
	}
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_image struct image *image = NULL;
	const struct load_options *o = opts;
	struct obtain how = { .pull = PULL_ALWAYS,
		.takes_artifacts = true,
		.is_quiet = o->is_quiet,
		.progress = o->progress };
	struct ctl *ctl = context;
	const struct backend *backend;
	int r = choose_source(o, args, &how.reference, err);

	if (r == 0)
		r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->load(ctl, &how, &image, err);
	if (r == 0)
		put_loaded(ctl, image);
	return r;
}

const struct verb_spec verb_load = {
	.name = "load",
	.section = SECTION_IMAGES,
	.summary = "Put an image archive into the store",
	.text = "FILE may be a docker archive, an OCI layout as a directory or an archive, an App "
		"Container Image, or a plain root file system tarball, compressed or not. The format is "
		"found by looking inside; docker-archive:, oci:, oci-archive:, aci: or tar: before the "
		"name forces one. An artifact of an OCI layout is stored as it is.",
	.args = "[FILE]",
	.args_max = 1,
	.complete = COMPLETE_FILE,
	.groups = groups,
	.options_size = sizeof(struct load_options),
	.run = run,
};
