/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-images.h"
#include "agentd/events.h"
#include "agentd/fetch-cache.h"
#include "images/reference.h"
#include "images/store-budget.h"
#include "ucrctl/ctl.h"
#include "ucrctl/human.h"
#include "ucrctl/obtain.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct gc_options {
	bool takes_unnamed, explains, is_dry;
	uint64_t budget, low;
};

static const struct option_spec options[] = {
	{ "all", 'a', .set = option_bool,
		.offset = offsetof(struct gc_options, takes_unnamed),
		.help = "Images without a name too, unless a container uses them, and all cached downloads" },
	{ "budget", .arg = "SIZE", .set = option_bytes,
		.offset = offsetof(struct gc_options, budget),
		.help = "When images have more bytes than SIZE, remove compressed layers kept beside unpacked ones, then images not launched for longest, named or not" },
	{ "low", .arg = "SIZE", .set = option_bytes,
		.offset = offsetof(struct gc_options, low),
		.help = "With --budget: remove until images have SIZE (default: the budget)" },
	{ "explain", .set = option_bool, .offset = offsetof(struct gc_options, explains),
		.help = "Say of each image, layer and kept blob why it stays or goes, and its bytes" },
	{ "dry-run", .set = option_bool, .offset = offsetof(struct gc_options, is_dry),
		.help = "Only explain, remove nothing" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static void put_report(struct buf *out, const struct store_gc_report *report)
{
	buf_printf(out, "Removed %zu images, %zu layers, %zu blobs, %zu leftovers: ",
		report->images, report->layers, report->blobs, report->temporaries);
	human_bytes(out, report->bytes);
	buf_puts(out, " freed\n");
}

static void put_part(struct buf *out, const struct store_judged_part *part)
{
	buf_printf(out, "  %s %.12s ", part->is_kept_blob ? "kept blob" : "layer",
		part->hex);
	human_bytes(out, part->size);
	if (part->goes)
		buf_puts(out, " goes first: its layer stays unpacked");
	else if (part->images)
		buf_printf(out, " stays: %zu image%s", part->images,
			part->images == 1 ? " has it" : "s have it");
	else
		buf_puts(out, " goes with its images");
	buf_putc(out, '\n');
}

static void put_explanation(struct buf *out, const struct store_judgement *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct store_judged *image = &all->images[i];
		const char *name =
			image->names ? reference_familiar(image->names[0]) : "<none>";

		buf_printf(out, "%.12s %s ", digest_hex(image->id), name);
		human_bytes(out, image->bytes);
		buf_printf(out, " %s", store_verdict_texts[image->verdict]);
		if (store_verdict_goes(image->verdict)) {
			buf_puts(out, ", which frees ");
			human_bytes(out, image->freed);
		}
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < all->part_count; i++)
		put_part(out, &all->parts[i]);
	buf_puts(out, "All images: ");
	human_bytes(out, all->bytes);
	buf_puts(out, ", then ");
	human_bytes(out, all->bytes_after);
	buf_putc(out, '\n');
}

/* An image that is launched or removed meanwhile is left alone. */
static int evict(struct store *store, const struct store_judgement *all,
	char *const *used, size_t *ret_count, struct err *err)
{
	cleanup_strv strv removed = NULL;
	int r;

	for (size_t i = 0; i < all->part_count; i++) {
		r = all->parts[i].goes ? store_drop_blob(store, all->parts[i].hex, err)
				       : 0;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < all->count; i++) {
		if (!store_verdict_goes(all->images[i].verdict))
			continue;
		r = store_evict(store, all->images[i].id, used, &removed, err);
		if (r < 0 && r != -EBUSY && r != -ENOENT)
			return r;
		*ret_count += r == 0;
	}
	return 0;
}

static int judge(struct ctl *ctl, struct store *store, const struct gc_options *o,
	char *const *used, size_t *ret_count, struct err *err)
{
	struct store_budget budget = { o->budget, o->low ? o->low : o->budget,
		o->takes_unnamed };
	struct store_judgement all = { 0 };
	int r;

	if (o->low > o->budget)
		return err_say(err, EINVAL, "gc: --low is more than --budget");
	if (!o->budget && !o->explains && !o->is_dry)
		return 0;
	r = store_judge(store, &budget, used, &all, err);
	if (r < 0)
		return r;
	if (o->explains || o->is_dry)
		put_explanation(&ctl->out, &all);
	r = o->is_dry ? 0 : evict(store, &all, used, ret_count, err);
	store_judgement_done(&all);
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct import_userns userns = { .userns_fd = -1 };
	cleanup_close int userns_fd = -1;
	cleanup_strv strv used = NULL, attributes = NULL;
	struct store_gc_report report = { 0 };
	struct event event = { .type = "gc" };
	const struct gc_options *o = opts;
	struct ctl *ctl = context;
	struct engine *engine;
	struct store *store;
	uint64_t cached = 0;
	size_t evicted = 0;
	int r;

	r = ctl_store(ctl, &engine, &store, err);
	if (r < 0)
		return r;
	r = obtain_userns(engine, false, &userns, err);
	if (r < 0)
		return r;
	userns_fd = userns.userns_fd;
	r = container_image_ids(engine, &used, err);
	if (r < 0)
		return r;
	r = judge(ctl, store, o, used, &evicted, err);
	if (r < 0 || o->is_dry)
		return r;
	r = store_gc(store, o->takes_unnamed ? STORE_GC_UNNAMED : STORE_GC_UNREFERENCED,
		&userns, used, &report, err);
	if (r == 0)
		r = fetch_cache_trim(
			engine, o->takes_unnamed ? 0 : FETCH_CACHE_BYTES, &cached, err);
	if (r < 0)
		return r;
	report.bytes += cached;
	report.images += evicted;
	put_report(&ctl->out, &report);
	r = strv_take(&attributes, str_printf("layers=%zu", report.layers));
	if (r == 0)
		r = strv_take(&attributes,
			str_printf("bytes=%llu", (unsigned long long)report.bytes));
	if (r < 0)
		return err_oom(err);
	event.attributes = attributes;
	events_append(engine, &event);
	return 0;
}

const struct verb_spec verb_gc = {
	.name = "gc",
	.section = SECTION_IMAGES,
	.summary = "Remove what no image and no container needs",
	.text = "Layers and blobs of no image, and what interrupted imports and downloads left. Safe at any "
		"time, beside imports and running containers.",
	.groups = groups,
	.options_size = sizeof(struct gc_options),
	.run = run,
};
