/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/format.h"
#include "ucrctl/human.h"
#include "ucrctl/verbs.h"

static const struct option_spec options[] = {
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct format_options, format),
		.help = "Print \"json\", or by a template such as '{{.PID}} "
			"{{.Command}}'" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static void put_uid(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	buf_printf(out, "%u", (unsigned int)p->uid);
}

static void put_pid(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	buf_printf(out, "%d", (int)p->pid);
}

static void put_ppid(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	buf_printf(out, "%d", (int)p->ppid);
}

static void put_state(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	buf_putc(out, p->state);
}

static void put_time(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;
	uint64_t seconds = p->cpu_ms / 1000;

	buf_printf(out, "%02llu:%02llu:%02llu", (unsigned long long)(seconds / 3600),
		(unsigned long long)(seconds / 60 % 60),
		(unsigned long long)(seconds % 60));
}

static void put_rss(const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	human_bytes(out, p->rss_bytes);
}

static void put_command(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct process *p = row;

	buf_puts(out, p->command);
}

static const struct format_column columns[] = {
	{ "UID", "UID", put_uid, .is_number = true },
	{ "PID", "PID", put_pid, .is_number = true },
	{ "PPID", "PPID", put_ppid, .is_number = true },
	{ "State", "STATE", put_state },
	{ "Time", "TIME", put_time },
	{ "RSS", "RSS", put_rss },
	{ "Command", "COMMAND", put_command },
	{ 0 },
};

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_format struct format format = { 0 };
	cleanup_free struct process *processes = NULL;
	struct ctl *ctl = context;
	const struct backend *backend;
	size_t count;
	int r;

	r = format_init(&format, columns, opts,
		"table {{.UID}}\t{{.PID}}\t{{.PPID}}\t{{.State}}\t{{.Time}}\t{{.RSS}}\t{{.Command}}",
		"{{.PID}}", err);
	if (r < 0)
		return r;
	r = ctl_find(ctl, args[0], &backend, &container, err);
	if (r == 0)
		r = backend->list_processes(ctl, container, &processes, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = format_row(&format, &processes[i], &ctl->out, err);
	return r < 0 ? r : format_finish(&format, &ctl->out, err);
}

const struct verb_spec verb_top = {
	.name = "top",
	.section = SECTION_CONTAINERS,
	.summary = "List the processes of a container",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct format_options),
	.run = run,
};
