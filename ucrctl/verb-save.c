/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "images/reference.h"
#include "images/save.h"
#include "ucrctl/ctl.h"
#include "ucrctl/obtain.h"
#include "ucrctl/output-file.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct save_options {
	const char *output;
	unsigned int format; /* enum save_format */
};

/* In the order of enum save_format. */
static const char *const format_names[] = { "docker-archive", "oci-archive", "oci",
	NULL };

static const struct option_spec options[] = {
	{ "output", 'o', .arg = "FILE", .set = option_string,
		.offset = offsetof(struct save_options, output),
		.complete = COMPLETE_FILE,
		.help = "Write to FILE, which is replaced when all is well (default: standard "
			"output)" },
	{ "format", .arg = "FORMAT", .set = option_choice, .param = format_names,
		.offset = offsetof(struct save_options, format),
		.help = "docker-archive, which is an OCI archive too, oci-archive, or oci, a "
			"directory (default: docker-archive)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

struct items {
	struct save_item *list;
	size_t count;
};

static void items_done(struct items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		image_free((struct image *)(uintptr_t)items->list[i].image);
		strv_free(items->list[i].names);
	}
	free(items->list);
}

/* By a name it is saved with that name; by its id with all it has. */
static int take_names(
	struct store *store, const char *arg, struct save_item *item, struct err *err)
{
	char full[REFERENCE_NAME_MAX];
	cleanup_strv strv all = NULL;
	int r;

	r = store_names(store, item->image->id, &all, err);
	if (r < 0)
		return r;
	if (reference_normalize(arg, full, NULL) == 0) {
		strv_each (name, all) {
			if (str_eq(*name, full))
				return strv_add(&item->names, full) < 0 ? err_oom(err)
									: 0;
		}
	}
	strv_each (name, all) {
		if (!reference_digest_of(*name) && strv_add(&item->names, *name) < 0)
			return err_oom(err);
	}
	return 0;
}

static int add_item(
	struct store *store, const char *arg, struct items *items, struct err *err)
{
	struct save_item *item = &items->list[items->count];
	struct image *image = NULL;
	int r;

	r = store_find(store, arg, &image, err);
	if (r == IMAGE_ABSENT) {
		(void)err_say(err, ENOENT, "there is no image \"%.200s\"", arg);
		return err_hint(err, "`ucrctl images` lists what there is");
	}
	if (r < 0)
		return r;
	item->image = image;
	items->count++;
	return take_names(store, arg, item, err);
}

static int save(struct engine *engine, struct store *store, const struct save_options *o,
	const struct items *items, struct err *err)
{
	cleanup_output_file struct output_file out = OUTPUT_FILE_NONE;
	struct import_userns userns = { .userns_fd = -1 };
	cleanup_close int userns_fd = -1;
	int r;

	r = output_file_open(
		"save", o->output, o->format == SAVE_OCI_DIRECTORY, &out, err);
	if (r == 0)
		r = obtain_userns(engine, false, &userns, err);
	if (r < 0)
		return r;
	userns_fd = userns.userns_fd;
	r = images_save(store, items->list, items->count, o->format, &userns,
		output_file_fd(&out), err);
	return r < 0 ? r : output_file_keep(&out, err);
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_with(items_done) struct items items = { 0 };
	const struct save_options *o = opts;
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(context, &engine, &store, err);
	if (r < 0)
		return r;
	items.list = calloc(strv_len(args), sizeof(*items.list));
	if (!items.list)
		return err_oom(err);
	strv_each (arg, args) {
		r = add_item(store, *arg, &items, err);
		if (r < 0)
			return r;
	}
	return save(engine, store, o, &items, err);
}

const struct verb_spec verb_save = {
	.name = "save",
	.section = SECTION_IMAGES,
	.summary = "Write images to an archive",
	.text = "The archive is what docker, podman and skopeo load, and an OCI layout at once. "
		"Images keep their ids: configurations are the original ones, layers those that were "
		"pulled or loaded. An image named by its id is saved with all its names. Artifacts "
		"go into an OCI layout only: --format oci-archive, or oci.",
	.args = "IMAGE...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_IMAGE,
	.groups = groups,
	.options_size = sizeof(struct save_options),
	.run = run,
};
