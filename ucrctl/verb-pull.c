/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/engine.h"
#include "images/fetcher.h"
#include "images/reference.h"
#include "ucrctl/backend.h"
#include "agentd/platform-option.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct pull_verb {
	const char *platform_text;
	bool is_quiet, is_all_tags;
	unsigned int progress;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct pull_verb, is_quiet),
		.help = "Print the image's id and nothing else" },
	{ "all-tags", 'a', .set = option_bool,
		.offset = offsetof(struct pull_verb, is_all_tags),
		.help = "Download the images of all tags that the repository has" },
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
	const struct backend *backend;
	char words[PLATFORM_WORDS_MAX];
	struct obtain how = {
		.reference = reference,
		.pull = PULL_ALWAYS,
		.takes_artifacts = true,
		.is_quiet = o->is_quiet,
		.progress = o->progress == PROGRESS_AUTO && !progress_is_terminal()
				    ? PROGRESS_PLAIN
				    : o->progress,
		.registry = &o->registry,
	};
	int r;

	r = platform_option_parse(o->platform_text, words, &how.platform, err);
	if (r == 0)
		r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->pull(ctl, &how, &image, err);
	if (r < 0)
		return r;
	if (!o->is_quiet && *image->manifest_digest)
		buf_printf(&ctl->out, "Digest: %s\n", image->manifest_digest);
	buf_printf(&ctl->out, "%s\n", image->id);
	return 0;
}

/* "host/path" of a name that has neither tag nor digest. */
static int repository_of(const char *name, char ret[REFERENCE_NAME_MAX], struct err *err)
{
	const char *base = strrchr(name, '/');
	int r;

	if (strpbrk(base ? base : name, ":@"))
		return err_say(
			err, EINVAL, "--all-tags: give a name without a tag or digest");
	r = reference_normalize(name, ret, err);
	if (r == 0)
		ret[reference_tag_of(ret) - ret] = '\0';
	return r;
}

static int list_tags(struct ctl *ctl, const struct pull_verb *o, const char *repository,
	strv *ret, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	struct engine *engine;
	int r;

	r = ctl_engine(ctl, &engine, err);
	if (r == 0)
		r = registry_setup_make(&o->registry, &setup, err);
	if (r == 0)
		r = fetch_tag_list(
			engine_libexec_path(engine), &setup.pull, repository, ret, err);
	return r < 0 ? err_wrap(
			       err, "list the tags of %s", reference_familiar(repository))
		     : 0;
}

static int pull_all(struct ctl *ctl, const char *name, const void *opts, struct err *err)
{
	char repository[REFERENCE_NAME_MAX];
	cleanup_strv strv tags = NULL;
	int r;

	r = repository_of(name, repository, err);
	if (r == 0)
		r = list_tags(ctl, opts, repository, &tags, err);
	if (r == 0 && !tags)
		r = err_say(err, ENOENT, "the repository has no tags");
	strv_each (tag, tags) {
		/* What a registry calls a tag is never taken for a path. */
		cleanup_free char *full = str_printf("docker://%s:%s", repository, *tag);

		if (r == 0)
			r = full ? pull(ctl, full, opts, err) : err_oom(err);
	}
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const struct pull_verb *o = opts;

	return ctl_each(context, args, opts, o->is_all_tags ? pull_all : pull);
}

const struct verb_spec verb_pull = {
	.name = "pull",
	.section = SECTION_IMAGES,
	.summary = "Download images from a registry",
	.text = "NAME is an image's name as docker and podman write it: alpine, "
		"quay.io/a/b:1.2, localhost:5000/app@sha256:… Only layers that the store does not "
		"have are downloaded; what an interrupted download left is gone on with. The "
		"digest of the manifest and the id of the image are printed. Artifacts (charts, "
		"signatures and the like) are stored as they are, and cannot be run.\n"
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
