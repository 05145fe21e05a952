/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"
#include "ucrctl/format.h"
#include "ucrctl/host-check.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>

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

static int put_checks(
	struct format *format, const struct host *host, struct buf *out, struct err *err)
{
	int r = 0;

	for (const struct host_check *c = host_checks; c->name && r == 0; c++) {
		struct finding finding = { .name = c->name };

		c->look(host, &finding);
		r = buf_finish(&finding.found) < 0
			    ? err_oom(err)
			    : format_row(format, &finding, out, err);
		finding_done(&finding);
	}
	return r < 0 ? r : format_finish(format, out, err);
}

static int open_host(struct engine *engine, struct host *ret, struct err *err)
{
	ret->engine = engine;
	ret->search_path = getenv("PATH");
	ret->proc_dirfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->sys_dirfd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->etc_dirfd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_format struct format format = { 0 };
	struct ctl *ctl = context;
	struct engine *engine;
	struct host host;
	int r;

	r = format_init(&format, columns, opts,
		"table {{.Check}}\t{{.State}}\t{{.Found}}\t{{.Advice}}", "{{.Check}}",
		err);
	if (r < 0)
		return r;
	r = ctl_engine(ctl, &engine, err);
	if (r < 0)
		return r;
	r = open_host(engine, &host, err);
	if (r == 0)
		r = put_checks(&format, &host, &ctl->out, err);
	(void)close(host.proc_dirfd);
	(void)close(host.sys_dirfd);
	(void)close(host.etc_dirfd);
	return r;
}

const struct verb_spec verb_info = {
	.name = "info",
	.section = SECTION_SYSTEM,
	.summary = "Show what works on this host, and what to do about the rest",
	.groups = groups,
	.options_size = sizeof(struct format_options),
	.run = run,
};
