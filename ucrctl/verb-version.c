/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/format.h"
#include "ucrctl/verbs.h"

#include <sys/utsname.h>

static const struct option_spec options[] = {
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct format_options, format),
		.help = "Print \"json\", or by a template such as '{{.Version}}'" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	buf_puts(out, PACKAGE_NAME);
}

static void put_version(
	const void *row, const struct format_style *style, struct buf *out)
{
	buf_puts(out, PACKAGE_VERSION);
}

struct row {
	struct utsname host;
	char *place, *version; /* of the agent; NULL: none is spoken to */
};

static void put_kernel(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->host.release);
}

static void put_machine(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->host.machine);
}

static void put_host(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->place ? r->place : "");
}

static void put_host_version(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->version ? r->version : "");
}

static const struct format_column columns[] = {
	{ "Name", "NAME", put_name },
	{ "Version", "VERSION", put_version },
	{ "Kernel", "KERNEL", put_kernel },
	{ "Machine", "MACHINE", put_machine },
	{ "Host", "HOST", put_host },
	{ "HostVersion", "HOST VERSION", put_host_version },
	{ 0 },
};

/* The version of this program can be told by itself: only an agent is asked. */
static int identify(struct ctl *ctl, struct row *row, struct err *err)
{
	const struct backend *backend;
	int r = ctl_backend(ctl, &backend, err);

	if (r < 0 || backend == &backend_local)
		return r;
	return backend->identify(ctl, &row->place, &row->version, err);
}

static int show(struct ctl *ctl, const void *opts, const struct row *row, struct err *err)
{
	cleanup_format struct format format = { 0 };
	int r = format_init(&format, columns, opts,
		row->place ? "{{.Name}} {{.Version}}, agent {{.HostVersion}} at {{.Host}}"
			   : "{{.Name}} {{.Version}}",
		"{{.Version}}", err);

	if (r == 0)
		r = format_row(&format, row, &ctl->out, err);
	return r < 0 ? r : format_finish(&format, &ctl->out, err);
}

/* Our own is told also when the agent's cannot be. */
static int run(void *context, const void *opts, char **args, struct err *err)
{
	struct row row = { 0 };
	struct err ignored;
	int r = identify(context, &row, err);

	(void)uname(&row.host);
	if (r == 0)
		r = show(context, opts, &row, err);
	else
		(void)!show(context, opts, &row, &ignored);
	free(row.place);
	free(row.version);
	return r;
}

const struct verb_spec verb_version = {
	.name = "version",
	.section = SECTION_SYSTEM,
	.summary = "Print the version, and that of the agent that is spoken to",
	.groups = groups,
	.options_size = sizeof(struct format_options),
	.run = run,
};
