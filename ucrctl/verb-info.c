/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/format.h"
#include "ucrctl/verbs.h"

static const struct option_spec options[] = {
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct format_options, format),
		.help = "Print \"json\", or by a template such as '{{.Check}} "
			"{{.State}}'" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	const struct finding *f = row;

	buf_puts(out, f->name);
}

static void put_state(const void *row, const struct format_style *style, struct buf *out)
{
	static const char *const words[] = {
		[FINDING_OK] = "ok",
		[FINDING_LIMITED] = "limited",
		[FINDING_MISSING] = "MISSING",
	};
	const struct finding *f = row;

	buf_puts(out, words[f->state]);
}

static void put_found(const void *row, const struct format_style *style, struct buf *out)
{
	const struct finding *f = row;

	buf_put(out, f->found.data, f->found.len);
}

static void put_advice(const void *row, const struct format_style *style, struct buf *out)
{
	const struct finding *f = row;

	if (f->advice.len)
		buf_put(out, f->advice.data, f->advice.len);
}

static const struct format_column columns[] = {
	{ "Check", "CHECK", put_name },
	{ "State", "STATE", put_state },
	{ "Found", "FOUND", put_found },
	{ "Advice", "WHAT TO DO", put_advice },
	{ 0 },
};

struct report {
	struct format format;
	struct buf *out;
};

static int put_finding(const struct finding *finding, void *arg, struct err *err)
{
	struct report *report = arg;

	return format_row(&report->format, finding, report->out, err);
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct ctl *ctl = context;
	struct report report = { .out = &ctl->out };
	const struct backend *backend;
	int r;

	r = format_init(&report.format, columns, opts,
		"table {{.Check}}\t{{.State}}\t{{.Found}}\t{{.Advice}}", "{{.Check}}",
		err);
	if (r == 0)
		r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->examine(ctl, put_finding, &report, err);
	if (r == 0)
		r = format_finish(&report.format, &ctl->out, err);
	format_done(&report.format);
	return r;
}

const struct verb_spec verb_info = {
	.name = "info",
	.section = SECTION_SYSTEM,
	.summary =
		"Show who does the work, what works there, and what to do about the rest",
	.groups = groups,
	.options_size = sizeof(struct format_options),
	.run = run,
};
