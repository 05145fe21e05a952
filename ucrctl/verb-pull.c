/* SPDX-License-Identifier: Apache-2.0 */
#include "images/reference.h"
#include "ucrctl/ctl.h"
#include "ucrctl/obtain.h"
#include "ucrctl/platform-option.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

struct pull_verb {
	const char *platform_text;
	bool is_quiet;
	unsigned int progress;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct pull_verb, is_quiet),
		.help = "Print the image's id and nothing else" },
	{ "platform", .arg = "OS/ARCH", .set = option_string,
		.offset = offsetof(struct pull_verb, platform_text),
		.help = "Which image of an index to take, as linux/arm64/v8" },
	{ "progress", .arg = "HOW", .set = option_choice, .param = progress_names,
		.offset = offsetof(struct pull_verb, progress),
		.help = "Show progress as bars, plain lines, JSON lines or not at all (auto: bars "
			"on a terminal, else plain)" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ registry_option_table, offsetof(struct pull_verb, registry), "Registries" },
	{ 0 },
};

static int pull(struct ctl *ctl, const char *reference, const void *opts, struct err *err)
{
	cleanup_image struct image *image = NULL;
	const struct pull_verb *o = opts;
	char words[PLATFORM_WORDS_MAX];
	struct obtain how = {
		.reference = reference,
		.pull = PULL_ALWAYS,
		.is_quiet = o->is_quiet,
		.progress = o->progress == PROGRESS_AUTO && !progress_is_terminal()
				    ? PROGRESS_PLAIN
				    : o->progress,
		.registry = &o->registry,
	};
	int r;

	r = platform_option_parse(o->platform_text, words, &how.platform, err);
	if (r == 0)
		r = obtain_image(ctl, &how, &image, err);
	if (r < 0)
		return r;
	if (!o->is_quiet && *image->manifest_digest)
		buf_printf(&ctl->out, "Digest: %s\n", image->manifest_digest);
	buf_printf(&ctl->out, "%s\n", image->id);
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, pull);
}

const struct verb_spec verb_pull = {
	.name = "pull",
	.section = SECTION_IMAGES,
	.summary = "Download images from a registry",
	.text = "NAME is an image's name as docker and podman write it: alpine, "
		"quay.io/a/b:1.2, localhost:5000/app@sha256:… Only layers that the store does not "
		"have are downloaded; what an interrupted download left is gone on with. The "
		"digest of the manifest and the id of the image are printed.\n"
		"\n"
		"Mirrors, certificates, proxies and registries without https are configured in "
		"registries.json, see FILES. Logins are those of `ucrctl login`, docker and podman.",
	.args = "NAME...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.groups = groups,
	.options_size = sizeof(struct pull_verb),
	.run = run,
};
