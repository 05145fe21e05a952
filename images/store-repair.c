/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-repair.h"

#include "images/pull.h"
#include "images/reference.h"
#include "images/store-names.h"

#include <errno.h>
#include <stdio.h>

struct repair {
	struct store *store;
	const struct store_repair_request *request;
	struct store_repair_report *report;
	const struct store_broken *broken; /* the image at hand */
	struct err why;			   /* what the last attempt failed of */
};

static int __attribute__((format(printf, 3, 4)))
say(struct repair *repair, struct err *err, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || strv_take(&repair->report->lines, text) < 0)
		return err_oom(err);
	return 0;
}

static struct import_request import_request(const struct repair *repair)
{
	return (struct import_request){ .pull = PULL_ALWAYS,
		.takes_artifacts = true,
		.pull_options = repair->request->pull_options,
		.userns = repair->request->userns,
		.progress = repair->request->progress,
		.progress_arg = repair->request->progress_arg };
}

/* ---- the ways; each 0 or why not ---- */

static int unpack_again(struct repair *repair)
{
	struct import_request request = import_request(repair);
	cleanup_image struct image *image = NULL;
	int r;

	if (!repair->broken->has_record)
		return err_say(&repair->why, ENOENT, "its record is lost");
	r = store_load_image(repair->store, repair->broken->id, &image, &repair->why);
	if (r == IMAGE_ABSENT)
		return err_say(&repair->why, ENOENT, "it was removed meanwhile");
	return r == 0 ? image_unpack_again(repair->store, image, &request, &repair->why)
		      : r;
}

/* Names that were lost with the record; one that means another image now stays that. */
static int give_names(struct repair *repair, const struct image *image)
{
	cleanup_strv strv all = NULL;
	int r;

	r = store_load_names(repair->store, &all, &repair->why);
	strv_each (name, repair->broken->names) {
		if (r == 0 && !reference_digest_of(*name) && !strv_env_get(all, *name))
			r = store_tag(repair->store, image, *name, &repair->why);
	}
	return r;
}

/* The name by digest was only how to ask, unless the image had it before. */
static int drop_name(struct repair *repair, const char *full)
{
	cleanup_strv strv removed = NULL;

	strv_each (name, repair->broken->names) {
		if (str_eq(*name, full))
			return 0;
	}
	return store_untag(repair->store, full, repair->request->used_ids, false,
		&removed, &repair->why);
}

static int pull_by(struct repair *repair, const char *full)
{
	struct import_request request = import_request(repair);
	cleanup_image struct image *image = NULL;
	int r;

	request.reference = full;
	r = image_obtain(repair->store, &request, &image, &repair->why);
	if (r == 0)
		r = give_names(repair, image);
	if (r == 0)
		r = drop_name(repair, full);
	return r < 0 ? r : 0;
}

/* A name alone may be another image's by now, or may never have been a registry's. */
static int pull_again(struct repair *repair)
{
	const char *manifest = repair->broken->manifest;
	int r = -ENOENT;

	strv_each (name, repair->broken->names) {
		int len = (int)(reference_tag_of(*name) - *name);
		cleanup_free char *full = NULL;

		if (!*manifest || !pull_is_possible(*name))
			continue;
		full = str_printf("%.*s@%s", len, *name, manifest);
		if (!full)
			return err_oom(&repair->why);
		r = pull_by(repair, full);
		if (r == 0)
			return 0;
	}
	return r;
}

static const struct {
	int (*run)(struct repair *repair);
	const char *done;
} ways[] = {
	{ unpack_again, "unpacked again from its kept layers" },
	{ pull_again, "pulled again" },
};

/* ---- */

static int let_go(struct repair *repair, struct err *err)
{
	const char *shown = digest_hex(repair->broken->id);
	cleanup_strv strv removed = NULL;
	struct err why = { 0 };
	int r;

	repair->report->lost_count++;
	if (!repair->broken->has_record)
		return say(repair, err, "image %.12s is lost (%s): load it again", shown,
			repair->why.text);
	r = store_evict(repair->store, repair->broken->id, repair->request->used_ids,
		&removed, &why);
	if (r < 0 && r != -EBUSY && r != -ENOENT) {
		if (err)
			*err = why;
		return r;
	}
	if (r == -EBUSY)
		return say(repair, err,
			"image %.12s cannot be repaired (%s), and stays while a container "
			"uses it",
			shown, repair->why.text);
	return say(repair, err,
		"image %.12s cannot be repaired (%s): removed, load it again", shown,
		repair->why.text);
}

static int repair_image(struct repair *repair, struct err *err)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int r = ways[i].run(repair);

		if (r == 0)
			return say(repair, err, "image %.12s was %s",
				digest_hex(repair->broken->id), ways[i].done);
		if (r == -ENOMEM)
			return err_oom(err);
	}
	return let_go(repair, err);
}

int store_repair(struct store *store, const struct store_repair_request *request,
	struct store_repair_report *ret, struct err *err)
{
	struct repair repair = { .store = store, .request = request, .report = ret };
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->report->broken_count; i++) {
		repair.broken = &request->report->broken[i];
		repair.why = (struct err){ 0 };
		r = repair_image(&repair, err);
	}
	return r;
}

void store_repair_report_done(struct store_repair_report *report)
{
	strv_free(report->lines);
}
