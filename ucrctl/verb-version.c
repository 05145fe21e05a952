/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"
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

static void put_kernel(const void *row, const struct format_style *style, struct buf *out)
{
	const struct utsname *host = row;

	buf_puts(out, host->release);
}

static void put_machine(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct utsname *host = row;

	buf_puts(out, host->machine);
}

static const struct format_column columns[] = {
	{ "Name", "NAME", put_name },
	{ "Version", "VERSION", put_version },
	{ "Kernel", "KERNEL", put_kernel },
	{ "Machine", "MACHINE", put_machine },
	{ 0 },
};

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_format struct format format = { 0 };
	struct ctl *ctl = context;
	struct utsname host = { 0 };
	int r;

	r = format_init(
		&format, columns, opts, "{{.Name}} {{.Version}}", "{{.Version}}", err);
	if (r < 0)
		return r;
	(void)uname(&host);
	r = format_row(&format, &host, &ctl->out, err);
	return r < 0 ? r : format_finish(&format, &ctl->out, err);
}

const struct verb_spec verb_version = {
	.name = "version",
	.section = SECTION_SYSTEM,
	.summary = "Print the version",
	.groups = groups,
	.options_size = sizeof(struct format_options),
	.run = run,
};
