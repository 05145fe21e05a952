/* SPDX-License-Identifier: Apache-2.0 */
#include "common/timestamp.h"
#include "common/url.h"
#include "images/reference.h"
#include "ucrctl/ctl.h"
#include "ucrctl/image-change.h"
#include "ucrctl/obtain.h"
#include "agentd/platform-option.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct import_options {
	strv changes;
	const char *message, *platform_text;
	bool is_quiet;
	unsigned int progress;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "change", 'c', .arg = "INSTRUCTION", .set = option_strv,
		.offset = offsetof(struct import_options, changes),
		.help = "What the image says on how to run it, as a Dockerfile: CMD, ENTRYPOINT, "
			"ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR (may be "
			"repeated)" },
	{ "message", 'm', .arg = "TEXT", .set = option_string,
		.offset = offsetof(struct import_options, message),
		.help = "A comment in the image's history (default: where it came from)" },
	{ "platform", .arg = "OS/ARCH", .set = option_string,
		.offset = offsetof(struct import_options, platform_text),
		.help = "What the files are for, as linux/arm64/v8 (default: this host)" },
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct import_options, is_quiet),
		.help = "Show no progress" },
	{ "progress", .arg = "HOW", .set = option_choice, .param = progress_names,
		.offset = offsetof(struct import_options, progress),
		.help = "Show progress as bar, plain, json or none (default: bars on a terminal)" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ registry_option_table, offsetof(struct import_options, registry), "Downloads" },
	{ 0 },
};

static bool is_url(const char *text)
{
	return str_skip_prefix(text, "http://") || str_skip_prefix(text, "https://");
}

static int check_name(const char *name, struct err *err)
{
	char full[REFERENCE_NAME_MAX];
	int r;

	if (!name)
		return 0;
	r = reference_normalize(name, full, err);
	if (r == 0 && reference_digest_of(full))
		r = err_say(
			err, EINVAL, "%s: a name to give has a tag, not a digest", name);
	return r;
}

static int change_all(char *const *changes, struct image_config *config, struct err *err)
{
	int r = 0;

	strv_each (change, changes) {
		r = image_change(*change, config, err);
		if (r < 0)
			break;
	}
	return r;
}

/* The configuration is this function's; `build` borrows it. */
static int import(struct ctl *ctl, char **args, const struct import_options *o,
	struct import_build *build, struct err *err)
{
	cleanup_free char *reference = NULL, *comment = NULL;
	cleanup_image struct image *image = NULL;
	char words[PLATFORM_WORDS_MAX], now[TIMESTAMP_MAX], from[1024];
	struct obtain how = { .pull = PULL_ALWAYS,
		.is_quiet = o->is_quiet,
		.progress = o->progress,
		.registry = &o->registry,
		.build = build };
	int r;

	reference = str_printf("%s%s", is_url(args[0]) ? "" : "tar:", args[0]);
	comment = str_printf("Imported from %s", url_shown(args[0], from, sizeof(from)));
	if (!reference || !comment ||
		str_set(&build->config.created, timestamp_format(timestamp_now(), now)) <
			0)
		return err_oom(err);
	how.reference = reference;
	build->comment = o->message ? o->message : comment;
	build->name = args[1];
	r = check_name(args[1], err);
	if (r == 0)
		r = platform_option_parse(o->platform_text, words, &how.platform, err);
	if (r == 0)
		r = change_all(o->changes, &build->config, err);
	if (r == 0)
		r = obtain_image(ctl, &how, &image, err);
	if (r == 0)
		buf_printf(&ctl->out, "%s\n", image->id);
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct import_build build = { 0 };
	int r;

	r = import(context, args, opts, &build, err);
	image_config_done(&build.config);
	return r;
}

const struct verb_spec verb_import = {
	.name = "import",
	.section = SECTION_IMAGES,
	.summary = "Make an image of a root file system archive",
	.text = "TAR is a tar archive of files, compressed or not, \"-\" for standard input, or an "
		"http or https URL. The files become the one layer of a new image; its id is "
		"printed. An archive that is an image already is for `ucrctl load`; here it would "
		"be files as any other. `ucrctl export` writes such archives.",
	.args = "TAR [NAME]",
	.args_min = 1,
	.args_max = 2,
	.complete = COMPLETE_FILE,
	.groups = groups,
	.options_size = sizeof(struct import_options),
	.run = run,
};
