/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/container-columns.h"

#include "agentd/container-ports.h"
#include "common/timestamp.h"
#include "ucrctl/human.h"

#define COMMAND_ROOM 20 /* characters of a command that a narrow list shows */

void put_short_id(const char *id, bool is_full, struct buf *out)
{
	const char *hex = str_skip_prefix(id, "sha256:");

	if (is_full)
		buf_puts(out, id);
	else
		buf_printf(out, "%.*s", CONTAINER_SHORT_ID, hex ? hex : id);
}

static void put_id(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	put_short_id(c->id, style->is_full, out);
}

static void put_image(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	buf_puts(out, c->image ? c->image : "");
}

static void put_image_id(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	put_short_id(c->image_id ? c->image_id : "", style->is_full, out);
}

static void put_command(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;
	cleanup_buf struct buf line = BUF_INIT;
	size_t len;

	strv_each (word, c->command)
		buf_printf(&line, "%s%s", line.len ? " " : "", *word);
	if (buf_finish(&line) < 0)
		return;
	len = line.len;
	if (!style->is_full && len > COMMAND_ROOM) {
		len = COMMAND_ROOM - 1;
		/* Not in the middle of a character. */
		while (len > 0 && ((unsigned char)line.data[len] & 0xc0) == 0x80)
			len--;
	}
	buf_printf(out, "\"%.*s%s\"", (int)len, line.data, len < line.len ? "…" : "");
}

static void put_created_at(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;
	char text[TIMESTAMP_MAX];

	buf_puts(out, timestamp_format(c->created, text));
}

static void put_running_for(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	human_duration(out, style->now - c->created);
	buf_puts(out, " ago");
}

static void put_up(
	const struct container *c, const struct format_style *style, struct buf *out)
{
	buf_puts(out, "Up ");
	human_duration(out, style->now - c->started);
	if (c->status == CONTAINER_PAUSED)
		buf_puts(out, " (paused)");
}

static void put_created(
	const struct container *c, const struct format_style *style, struct buf *out)
{
	buf_puts(out, "Created");
}

static void put_creating(
	const struct container *c, const struct format_style *style, struct buf *out)
{
	buf_puts(out, "Creating");
}

static void put_exited(
	const struct container *c, const struct format_style *style, struct buf *out)
{
	buf_printf(out, "Exited (%d%s) ", c->end.exit_status,
		c->end.is_oom_killed ? ", out of memory" : "");
	human_duration(out, style->now - c->end.finished);
	buf_puts(out, " ago");
}

static void put_lost(
	const struct container *c, const struct format_style *style, struct buf *out)
{
	buf_puts(out, "Lost (ended while nobody watched)");
}

static void put_status(const void *row, const struct format_style *style, struct buf *out)
{
	static void (*const puts[])(
		const struct container *, const struct format_style *, struct buf *) = {
		[CONTAINER_CREATED] = put_created,
		[CONTAINER_CREATING] = put_creating,
		[CONTAINER_RUNNING] = put_up,
		[CONTAINER_PAUSED] = put_up,
		[CONTAINER_EXITED] = put_exited,
		[CONTAINER_LOST] = put_lost,
	};
	const struct container *c = row;

	puts[c->status](c, style, out);
}

static void put_state(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	buf_puts(out, container_status_name(c->status));
}

static void put_published(
	const void *row, const struct format_style *style, struct buf *out)
{
	put_ports(row, out);
}

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	buf_puts(out, c->name ? c->name : "");
}

static void put_labels(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;
	bool is_first = true;

	strv_each (label, c->labels) {
		buf_printf(out, "%s%s", is_first ? "" : ",", *label);
		is_first = false;
	}
}

static void put_pid(const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	buf_printf(out, "%d", (int)c->pid);
}

static void put_exit_code(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct container *c = row;

	if (!container_is_live(c) && c->status != CONTAINER_CREATED)
		buf_printf(out, "%d", c->end.exit_status);
}

const struct format_column container_columns[] = {
	{ "ID", "CONTAINER ID", put_id },
	{ "Image", "IMAGE", put_image },
	{ "ImageID", "IMAGE ID", put_image_id },
	{ "Command", "COMMAND", put_command },
	{ "CreatedAt", "CREATED AT", put_created_at },
	{ "RunningFor", "CREATED", put_running_for },
	{ "Status", "STATUS", put_status },
	{ "State", "STATE", put_state },
	{ "Ports", "PORTS", put_published },
	{ "Names", "NAMES", put_name },
	{ "Labels", "LABELS", put_labels },
	{ "Pid", "PID", put_pid, .is_number = true },
	{ "ExitCode", "EXIT CODE", put_exit_code, .is_number = true },
	{ 0 },
};
