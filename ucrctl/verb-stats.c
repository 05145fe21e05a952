/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-measure.h"
#include "ucrctl/backend.h"
#include "ucrctl/print.h"
#include "ucrctl/stats-row.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <time.h>

#define INTERVAL_MS 1000

struct stats_options {
	bool is_once;
	unsigned int sort; /* index of stats_sorts */
	struct format_options list;
};

static const struct option_spec options[] = {
	{ "no-stream", .set = option_bool,
		.offset = offsetof(struct stats_options, is_once),
		.help = "Measure for a second, print, and end" },
	{ "sort", .arg = "BY", .set = option_choice, .param = stats_sort_names,
		.offset = offsetof(struct stats_options, sort),
		.help = "Show first who uses most: cpu, memory, network, io, processes; or by name; "
			"newest first without it" },
	{ "no-trunc", .set = option_bool,
		.offset = offsetof(struct stats_options, list.is_full),
		.help = "Print ids whole" },
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct stats_options, list.format),
		.help = "Print \"json\", or by a template such as '{{.Name}} "
			"{{.CPUPerc}}', with \"table \" before it under headers" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

struct rows {
	struct stats_row *items;
	size_t count;
};

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		container_free(rows->items[i].container);
	free(rows->items);
	memset(rows, 0, sizeof(*rows));
}

static int add_row(struct rows *rows, struct container *container, struct err *err)
{
	struct stats_row *grown;

	grown = reallocarray(rows->items, rows->count + 1, sizeof(*grown));
	if (!grown) {
		container_free(container);
		return err_oom(err);
	}
	rows->items = grown;
	memset(&grown[rows->count], 0, sizeof(*grown));
	grown[rows->count++].container = container;
	return 0;
}

static int choose_named(struct ctl *ctl, char **args, struct rows *rows, struct err *err)
{
	struct container *container;
	int r;

	strv_each (arg, args) {
		r = ctl->backend->find(ctl, *arg, &container, err);
		if (r == 0)
			r = add_row(rows, container, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int choose_live(struct ctl *ctl, struct rows *rows, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	int r;

	r = ctl->backend->list(ctl, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (!container_is_live(list.items[i]))
			continue;
		r = add_row(rows, take_ptr(list.items[i]), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int64_t monotonic_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nobody counts what a container uses that lives in its caller's cgroup. */
static void tell_unknown(struct stats_row *row, struct err *why)
{
	(void)err_hint(why, "\"ucrctl info\" tells why none could be made");
	if (!row->is_told)
		print_err("stats", why);
	row->is_told = true;
}

/* A container that has ended has no usage any more: it is left out, not an error. */
static int measure(struct ctl *ctl, struct rows *rows, struct err *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct stats_row *row = &rows->items[i];
		struct container_measure measure;
		int r;

		row->before = row->now;
		row->before_ns = row->now_ns;
		row->now_ns = 0;
		memset(&measure, 0xff, sizeof(measure)); /* every member UINT64_MAX */
		r = ctl->backend->measure(ctl, row->container, &measure, err);
		if (r == -ESRCH && container_is_live(row->container)) {
			tell_unknown(row, err);
			r = 0;
		}
		if (r == -ESRCH || r == -ENOENT)
			continue;
		if (r < 0)
			return err_wrap(err, "measure %s", row->container->id);
		row->now = measure;
		row->now_ns = monotonic_ns();
	}
	return 0;
}

/* Those named, or all that live now. What was measured before is carried over. */
static int choose(struct ctl *ctl, char **args, struct rows *rows, struct err *err)
{
	struct rows chosen = { 0 };
	int r;

	r = args[0] ? choose_named(ctl, args, &chosen, err)
		    : choose_live(ctl, &chosen, err);
	for (size_t i = 0; r == 0 && i < chosen.count; i++) {
		for (size_t j = 0; j < rows->count; j++) {
			if (!str_eq(chosen.items[i].container->id,
				    rows->items[j].container->id))
				continue;
			chosen.items[i].now = rows->items[j].now;
			chosen.items[i].now_ns = rows->items[j].now_ns;
			chosen.items[i].is_told = rows->items[j].is_told;
		}
	}
	if (r < 0) {
		rows_done(&chosen);
		return r;
	}
	rows_done(rows);
	*rows = chosen;
	return measure(ctl, rows, err);
}

static int put_rows(struct rows *rows, const struct stats_options *o, struct buf *out,
	struct err *err)
{
	cleanup_format struct format format = { 0 };
	int r;

	r = format_init(&format, stats_columns, &o->list,
		"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.Throttled}}\t{{.MemUsage}}\t"
		"{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
		"{{.ID}}", err);
	if (r < 0)
		return r;
	stats_sort(rows->items, rows->count, o->sort);
	for (size_t i = 0; i < rows->count; i++) {
		if (!rows->items[i].now_ns || !rows->items[i].before_ns)
			continue;
		r = format_row(&format, &rows->items[i], out, err);
		if (r < 0)
			return r;
	}
	return format_finish(&format, out, err);
}

static void wait_interval(void)
{
	struct timespec t = { INTERVAL_MS / 1000, INTERVAL_MS % 1000 * 1000000L };

	(void)nanosleep(&t, NULL);
}

static int show(struct ctl *ctl, const struct stats_options *o, char **args,
	struct rows *rows, struct err *err)
{
	bool is_screen = !o->is_once && isatty(STDOUT_FILENO);
	const struct backend *backend;
	int r;

	r = ctl_backend(ctl, &backend, err);
	if (r < 0)
		return r;
	r = choose(ctl, args, rows, err);
	while (r == 0) {
		wait_interval();
		r = choose(ctl, args, rows, err);
		if (r < 0)
			return r;
		if (is_screen)
			buf_puts(&ctl->out, "\033[H\033[J");
		r = put_rows(rows, o, &ctl->out, err);
		if (r < 0 || o->is_once)
			return r;
		r = ctl_flush(ctl, err);
	}
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct rows rows = { 0 };
	int r;

	r = show(context, opts, args, &rows, err);
	rows_done(&rows);
	return r;
}

const struct verb_spec verb_stats = {
	.name = "stats",
	.section = SECTION_CONTAINERS,
	.summary = "Show what running containers use, every second",
	.args = "[CONTAINER...]",
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct stats_options),
	.run = run,
};
