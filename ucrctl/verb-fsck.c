/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-fsck.h"
#include "ucrctl/ctl.h"
#include "ucrctl/human.h"
#include "ucrctl/obtain.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>

static void put_report(struct buf *out, const struct store_fsck_report *report)
{
	strv_each (finding, report->findings) {
		print_text(out, *finding);
		buf_putc(out, '\n');
	}
	buf_printf(out, "Checked %zu images, %zu blobs (", report->images, report->blobs);
	human_bytes(out, report->bytes);
	buf_printf(out, "), %zu names\n", report->names);
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct store_fsck_report report = { 0 };
	cleanup_strv strv used = NULL;
	struct ctl *ctl = context;
	struct engine *engine;
	struct store *store;
	int r;

	r = ctl_store(ctl, &engine, &store, err);
	if (r == 0)
		r = obtain_used_ids(engine, &used, err);
	if (r == 0)
		r = store_fsck(store, used, &report, err);
	if (r == 0) {
		put_report(&ctl->out, &report);
		r = ctl_flush(ctl, err);
	}
	if (r == 0 && report.findings)
		r = err_say(err, EBADMSG, "the image store is damaged in %zu places",
			strv_len(report.findings));
	store_fsck_report_done(&report);
	return r;
}

const struct verb_spec verb_fsck = {
	.name = "fsck",
	.section = SECTION_IMAGES,
	.summary = "Check the image store, and put away what is damaged",
	.text = "Reads every blob and compares its digest, and every record and name with "
		"what it names. What is damaged moves to quarantine, so that the next load "
		"or pull of the image makes it anew; gc empties the quarantine. The files of "
		"unpacked layers are not read. Exits with 125 when anything was damaged.",
	.run = run,
};
