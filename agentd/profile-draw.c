/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flame graph: each function a box as wide as its share of the samples, above the one that called
 * it. The stacks are sorted, so that one walk over them opens and closes every box once.
 */
#include "agentd/profile.h"

#include "common/str.h"

#include <string.h>

#define WIDTH 1200.0
#define MARGIN 10.0
#define ROW 16
#define TOP 40
#define BOTTOM 24
#define CHAR_WIDTH 7.0 /* of the font below, about */
#define WIDTH_SEEN 0.1 /* narrower boxes are left out, and all above them */
#define TEXT_MIN 3     /* characters, or none */
#define DEPTH_MAX (PROFILE_DEPTH_MAX + 6)

struct drawing {
	struct buf *out;
	uint64_t samples, drawn; /* all, and those before the current stack */
	size_t height;		 /* of the deepest stack, in rows */
	double scale;
	/* The boxes that are open: their names, in stacks that live on, and where they began. */
	struct {
		const char *name;
		size_t len;
		uint64_t begin;
	} open[DEPTH_MAX];
	size_t depth;
};

static void put_text(struct buf *out, const char *text, size_t len)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
		{ '"', "&quot;" } };

	for (size_t i = 0; i < len; i++) {
		const char *entity = NULL;

		for (size_t k = 0; k < sizeof(entities) / sizeof(entities[0]); k++)
			entity = entities[k].c == text[i] ? entities[k].entity : entity;
		if (entity)
			buf_puts(out, entity);
		else
			buf_putc(out, text[i]);
	}
}

/* Warm, the same for the same name; cool for the kernel's, grey for what has no name. */
static void put_colour(struct buf *out, const char *name, size_t len)
{
	unsigned int hash = 5381;

	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)name[i];
	if (len == strlen(PROFILE_UNKNOWN) && memcmp(name, PROFILE_UNKNOWN, len) == 0)
		buf_puts(out, "#bbb");
	else if (len > 4 && memcmp(name + len - 4, "_[k]", 4) == 0)
		buf_printf(out, "hsl(%u,60%%,72%%)", 180 + hash % 30);
	else
		buf_printf(out, "hsl(%u,85%%,%u%%)", hash % 48, 62 + hash / 48 % 10);
}

/* Not in the middle of a character of several bytes. */
static size_t cut(const char *name, size_t len, size_t room)
{
	if (len <= room)
		return len;
	while (room > 0 && ((unsigned char)name[room] & 0xc0) == 0x80)
		room--;
	return room;
}

static void put_label(
	struct drawing *d, const char *name, size_t len, double x, double y, double width)
{
	size_t room = (size_t)(width / CHAR_WIDTH), shown = cut(name, len, room);

	if (room < TEXT_MIN)
		return;
	if (shown < len)
		shown = cut(name, len, room - 2);
	buf_printf(d->out, "<text x=\"%.1f\" y=\"%.1f\">", x + 3, y + ROW - 4);
	put_text(d->out, name, shown);
	buf_printf(d->out, "%s</text>", shown < len ? ".." : "");
}

static void put_box(struct drawing *d, size_t level)
{
	const char *name = d->open[level].name;
	size_t len = d->open[level].len;
	uint64_t count = d->drawn - d->open[level].begin;
	double x = MARGIN + (double)d->open[level].begin * d->scale;
	double y = TOP + (double)((d->height - level - 1) * ROW);
	double width = (double)count * d->scale;

	if (width < WIDTH_SEEN)
		return;
	buf_puts(d->out, "<g><title>");
	put_text(d->out, name, len);
	buf_printf(d->out,
		" (%llu samples, %.2f%%)</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		"height=\"%d\" fill=\"",
		(unsigned long long)count, 100 * (double)count / (double)d->samples, x, y,
		width, ROW - 1);
	put_colour(d->out, name, len);
	buf_puts(d->out, "\"/>");
	put_label(d, name, len, x, y, width);
	buf_puts(d->out, "</g>\n");
}

/* "all" is the box below every process. */
static void add_stack(struct drawing *d, const struct profile_stack *stack)
{
	const char *name = stack->frames;
	size_t level = 1;
	bool is_same = true;

	for (; *name && level < DEPTH_MAX; level++) {
		size_t len = strcspn(name, (const char[]){ PROFILE_SEPARATOR, '\0' });

		is_same = is_same && level < d->depth && d->open[level].len == len &&
			  memcmp(d->open[level].name, name, len) == 0;
		while (!is_same && d->depth > level)
			put_box(d, --d->depth);
		if (!is_same) {
			d->open[level].name = name;
			d->open[level].len = len;
			d->open[level].begin = d->drawn;
			d->depth = level + 1;
		}
		name += len + (name[len] != '\0');
	}
	while (d->depth > level)
		put_box(d, --d->depth);
	d->drawn += stack->count;
}

static size_t deepest(const struct profile *profile)
{
	size_t most = 1;

	for (size_t i = 0; i < profile->count; i++) {
		size_t rows = 2;

		for (const char *c = profile->stacks[i].frames; *c; c++)
			rows += *c == PROFILE_SEPARATOR;
		most = rows > most ? rows : most;
	}
	return most < DEPTH_MAX ? most : DEPTH_MAX;
}

static void put_head(struct drawing *d, const struct profile *profile, const char *title)
{
	size_t height = TOP + d->height * ROW + BOTTOM;

	buf_printf(d->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%zu\" "
		"viewBox=\"0 0 %.0f %zu\">\n"
		"<style>text{font:11px monospace;fill:#222}g:hover rect{stroke:#222}"
		"</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fffdf8\"/>\n"
		"<text x=\"%.0f\" y=\"20\" style=\"font-size:14px\">",
		WIDTH + 2 * MARGIN, height, WIDTH + 2 * MARGIN, height, MARGIN);
	put_text(d->out, title, strlen(title));
	buf_printf(d->out, "</text>\n<text x=\"%.0f\" y=\"%zu\">%llu samples", MARGIN,
		height - 8, (unsigned long long)profile->samples);
	if (profile->lost)
		buf_printf(d->out, ", %llu lost", (unsigned long long)profile->lost);
	buf_puts(d->out, "</text>\n");
}

void profile_draw(const struct profile *profile, const char *title, struct buf *out)
{
	struct drawing d = { .out = out, .height = deepest(profile), .depth = 1 };

	for (size_t i = 0; i < profile->count; i++)
		d.samples += profile->stacks[i].count;
	d.scale = d.samples ? WIDTH / (double)d.samples : 0;
	d.open[0].name = "all";
	d.open[0].len = strlen("all");
	put_head(&d, profile, title);
	for (size_t i = 0; i < profile->count; i++)
		add_stack(&d, &profile->stacks[i]);
	while (d.depth > 0)
		put_box(&d, --d.depth);
	buf_puts(out, "</svg>\n");
}
