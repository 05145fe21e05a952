/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-images.h"
#include "images/store-fsck.h"
#include "images/store-repair.h"
#include "ucrctl/ctl.h"
#include "ucrctl/human.h"
#include "ucrctl/obtain.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct fsck_options {
	bool is_repairing;
	unsigned int progress;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "repair", .set = option_bool,
		.offset = offsetof(struct fsck_options, is_repairing),
		.help = "Put damaged layers away, too, and unpack or pull again what is broken; "
			"remove the images for which that cannot be done" },
	{ "progress", .arg = "HOW", .set = option_choice, .param = progress_names,
		.offset = offsetof(struct fsck_options, progress),
		.help = "Show progress as bar, plain, json or none (default: bars on a terminal)" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ registry_option_table, offsetof(struct fsck_options, registry),
		"Pulling again" },
	{ 0 },
};

static void put_lines(struct buf *out, char *const *lines)
{
	strv_each (line, lines) {
		print_text(out, *line);
		buf_putc(out, '\n');
	}
}

static void put_report(struct buf *out, const struct store_fsck_report *report)
{
	put_lines(out, report->findings);
	buf_printf(out, "Checked %zu images, %zu layers, %zu blobs (", report->images,
		report->layers, report->blobs);
	human_bytes(out, report->bytes);
	buf_printf(out, "), %zu names\n", report->names);
}

static int repair(struct ctl *ctl, struct store *store, const struct fsck_options *o,
	struct store_repair_request *request, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	struct store_repair_report repaired = { 0 };
	struct progress progress;
	int r;

	r = registry_setup_make(&o->registry, &setup, err);
	if (r < 0)
		return r;
	request->pull_options = &setup.pull;
	if (progress_init(&progress, o->progress)) {
		request->progress = progress_show;
		request->progress_arg = &progress;
	}
	r = store_repair(store, request, &repaired, err);
	progress_done(&progress);
	if (r == 0) {
		put_lines(&ctl->out, repaired.lines);
		r = ctl_flush(ctl, err);
	}
	if (r == 0 && repaired.lost_count)
		r = err_say(err, EBADMSG, "%zu damaged images could not be repaired",
			repaired.lost_count);
	store_repair_report_done(&repaired);
	return r;
}

static int check(struct ctl *ctl, struct store *store, const struct fsck_options *o,
	struct store_repair_request *then, struct store_fsck_report *report,
	struct err *err)
{
	const struct store_fsck_request request = { .used_ids = then->used_ids,
		.userns = &then->userns,
		.is_repairing = o->is_repairing };
	int r;

	r = store_fsck(store, &request, report, err);
	if (r < 0)
		return r;
	put_report(&ctl->out, report);
	r = ctl_flush(ctl, err);
	if (r < 0 || !report->findings)
		return r;
	if (o->is_repairing)
		return repair(ctl, store, o, then, err);
	return err_say(err, EBADMSG, "the image store is damaged in %zu places",
		strv_len(report->findings));
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct store_repair_request then = { .userns.userns_fd = -1 };
	struct store_fsck_report report = { 0 };
	cleanup_close int userns_fd = -1;
	cleanup_strv strv used = NULL;
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(context, &engine, &store, err);
	if (r == 0)
		r = container_image_ids(engine, &used, err);
	if (r == 0)
		r = obtain_userns(engine, false, &then.userns, err);
	if (r < 0)
		return r;
	userns_fd = then.userns.userns_fd;
	then.used_ids = used;
	then.report = &report;
	r = check(context, store, opts, &then, &report, err);
	store_fsck_report_done(&report);
	return r;
}

const struct verb_spec verb_fsck = {
	.name = "fsck",
	.section = SECTION_IMAGES,
	.summary = "Check the image store, and put away what is damaged",
	.text = "Reads every blob and the files of every unpacked layer and compares their "
		"digests, and every record and name with what it names. Blobs, records and "
		"names that are damaged move to quarantine, so that the next load or pull of "
		"the image makes them anew; gc empties the quarantine. Damaged layers do so "
		"with --repair, which then makes them anew: from layers kept as they were "
		"pulled, else by pulling the same image again. What a container uses stays.\n"
		"\n"
		"Exits with 125 when anything was damaged; with --repair, when an image could "
		"not be repaired.",
	.groups = groups,
	.options_size = sizeof(struct fsck_options),
	.run = run,
};
