/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/events.h"
#include "agentd/fetch-cache.h"
#include "ucrctl/ctl.h"
#include "ucrctl/human.h"
#include "ucrctl/obtain.h"
#include "ucrctl/verbs.h"

struct gc_options {
	bool takes_unnamed;
};

static const struct option_spec options[] = {
	{ "all", 'a', .set = option_bool,
		.offset = offsetof(struct gc_options, takes_unnamed),
		.help = "Images without a name too, unless a container uses them, and all cached downloads" },
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
	int r;

	r = ctl_store(ctl, &engine, &store, err);
	if (r < 0)
		return r;
	r = obtain_userns(engine, false, &userns, err);
	if (r < 0)
		return r;
	userns_fd = userns.userns_fd;
	r = obtain_used_ids(engine, &used, err);
	if (r < 0)
		return r;
	r = store_gc(store, o->takes_unnamed ? STORE_GC_UNNAMED : STORE_GC_UNREFERENCED,
		&userns, used, &report, err);
	if (r == 0)
		r = fetch_cache_trim(
			engine, o->takes_unnamed ? 0 : FETCH_CACHE_BYTES, &cached, err);
	if (r < 0)
		return r;
	report.bytes += cached;
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
