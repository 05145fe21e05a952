/* SPDX-License-Identifier: Apache-2.0 */
#include "common/metrics.h"

#include "common/str.h"

#include <inttypes.h>

void metrics_family(struct metrics *metrics, const struct metric_family *family)
{
	static const char *const types[] = {
		[METRIC_GAUGE] = "gauge",
		[METRIC_COUNTER] = "counter",
	};

	metrics->family = family;
	if (!metrics->graphite_prefix)
		buf_printf(metrics->out, "# HELP %s %s\n# TYPE %s %s\n", family->name,
			family->help, family->name, types[family->type]);
}

static void put_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			buf_puts(out, "\\n");
			continue;
		}
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
}

static void put_labels(struct buf *out, const struct metric_label *labels)
{
	const char *before = "{";

	for (; labels && labels->name; labels++, before = ",") {
		buf_printf(out, "%s%s=\"", before, labels->name);
		put_escaped(out, labels->value);
		buf_putc(out, '"');
	}
	if (*before == ',')
		buf_putc(out, '}');
}

/* A dot would begin a level, and a blank end the path. */
static void put_node(struct buf *out, const char *text)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_-";

	buf_putc(out, '.');
	if (!*text)
		buf_putc(out, '_');
	for (; *text; text++)
		buf_putc(out, strchr(safe, *text) ? *text : '_');
}

static void put_path(const struct metrics *metrics, const struct metric_label *labels)
{
	buf_puts(metrics->out, metrics->graphite_prefix);
	put_node(metrics->out, metrics->family->name);
	for (; labels && labels->name; labels++)
		put_node(metrics->out, labels->value);
}

void metrics_sample(
	struct metrics *metrics, const struct metric_label *labels, double value)
{
	if (metrics->graphite_prefix) {
		put_path(metrics, labels);
		buf_printf(metrics->out, " %.15g %" PRId64 "\n", value, metrics->seconds);
		return;
	}
	buf_puts(metrics->out, metrics->family->name);
	put_labels(metrics->out, labels);
	buf_printf(metrics->out, " %.15g\n", value);
}
