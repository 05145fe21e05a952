/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/container-columns.h"
#include "ucrctl/human.h"
#include "ucrctl/stats-row.h"

#define UNKNOWN UINT64_MAX
#define NSEC_PER_USEC 1000
#define MEASURE(member) offsetof(struct container_measure, member)

static void put_id(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_short_id(r->container->id, style->is_full, out);
}

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	buf_puts(out, r->container->name ? r->container->name : "");
}

static void put_percent(struct buf *out, double part, double whole)
{
	if (part >= 0 && whole > 0)
		buf_printf(out, "%.2f%%", 100 * part / whole);
	else
		buf_puts(out, "--");
}

/* How much a counter grew between the two; -1 when nobody counts it. */
static double grown(const struct stats_row *r, size_t offset)
{
	uint64_t before =
		*(const uint64_t *)(const void *)((const char *)&r->before + offset);
	uint64_t now = *(const uint64_t *)(const void *)((const char *)&r->now + offset);

	if (before == UNKNOWN || now == UNKNOWN || now < before)
		return -1;
	return (double)(now - before);
}

static void put_cpu(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_percent(out, grown(r, MEASURE(usage.cpu_usec)) * NSEC_PER_USEC,
		(double)(r->now_ns - r->before_ns));
}

/* Of the periods in which it wanted to run, those in which its hard limit held it back. */
static void put_throttled(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;
	double periods = grown(r, MEASURE(usage.cpu_periods));

	put_percent(out,
		periods == 0 ? 0 : grown(r, MEASURE(usage.cpu_throttled_periods)),
		periods == 0 ? 1 : periods);
}

static void put_average(struct buf *out, uint64_t hundredths)
{
	if (hundredths == UNKNOWN)
		buf_puts(out, "--");
	else
		buf_printf(out, "%.2f%%", (double)hundredths / 100);
}

static void put_cpu_pressure(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_average(out, r->now.usage.cpu_pressure.some_avg10);
}

static void put_memory_pressure(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_average(out, r->now.usage.memory_pressure.some_avg10);
}

static void put_io_pressure(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_average(out, r->now.usage.io_pressure.some_avg10);
}

static void put_size(struct buf *out, uint64_t bytes)
{
	if (bytes == UNKNOWN)
		buf_puts(out, "--");
	else
		human_bytes(out, bytes);
}

static void put_memory(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_size(out, r->now.usage.memory_bytes);
	buf_puts(out, " / ");
	put_size(out, r->now.usage.memory_limit_bytes);
}

static void put_memory_percent(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	if (r->now.usage.memory_bytes == UNKNOWN ||
		r->now.usage.memory_limit_bytes == UNKNOWN)
		buf_puts(out, "--");
	else
		put_percent(out, (double)r->now.usage.memory_bytes,
			(double)r->now.usage.memory_limit_bytes);
}

static void put_peak(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_size(out, r->now.usage.memory_peak_bytes);
}

static void put_network(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_size(out, r->now.network.received);
	buf_puts(out, " / ");
	put_size(out, r->now.network.sent);
}

static void put_io(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	put_size(out, r->now.usage.io_read_bytes);
	buf_puts(out, " / ");
	put_size(out, r->now.usage.io_write_bytes);
}

static void put_pids(const void *row, const struct format_style *style, struct buf *out)
{
	const struct stats_row *r = row;

	if (r->now.usage.pids != UNKNOWN)
		buf_printf(out, "%llu", (unsigned long long)r->now.usage.pids);
	else
		buf_puts(out, "--");
}

const struct format_column stats_columns[] = {
	{ "ID", "CONTAINER ID", put_id },
	{ "Name", "NAME", put_name },
	{ "CPUPerc", "CPU %", put_cpu },
	{ "Throttled", "THROTTLED", put_throttled },
	{ "MemUsage", "MEM USAGE / LIMIT", put_memory },
	{ "MemPerc", "MEM %", put_memory_percent },
	{ "MemPeak", "MEM PEAK", put_peak },
	{ "NetIO", "NET I/O", put_network },
	{ "BlockIO", "BLOCK I/O", put_io },
	{ "PIDs", "PIDS", put_pids, .is_number = true },
	{ "CPUPressure", "CPU PRESSURE", put_cpu_pressure },
	{ "MemPressure", "MEM PRESSURE", put_memory_pressure },
	{ "IOPressure", "I/O PRESSURE", put_io_pressure },
	{ 0 },
};

/* ---- the order ---- */

static double by_cpu(const struct stats_row *r)
{
	return grown(r, MEASURE(usage.cpu_usec)) / (double)(r->now_ns - r->before_ns + 1);
}

static double known(uint64_t value)
{
	return value == UNKNOWN ? -1 : (double)value;
}

static double by_memory(const struct stats_row *r)
{
	return known(r->now.usage.memory_bytes);
}

static double by_network(const struct stats_row *r)
{
	return known(r->now.network.received) + known(r->now.network.sent);
}

static double by_io(const struct stats_row *r)
{
	return known(r->now.usage.io_read_bytes) + known(r->now.usage.io_write_bytes);
}

static double by_processes(const struct stats_row *r)
{
	return known(r->now.usage.pids);
}

const char *const stats_sort_names[] = { "newest", "name", "cpu", "memory", "network",
	"io", "processes", NULL };
static double (*const sort_keys[])(const struct stats_row *r) = { NULL, NULL, by_cpu,
	by_memory, by_network, by_io, by_processes };

#define SORT_NONE 0
#define SORT_NAME 1

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct stats_row *x = a, *y = b;

	return strcmp(x->container->name ? x->container->name : x->container->id,
		y->container->name ? y->container->name : y->container->id);
}

/* Those that use the same stay in one order from one screen to the next. */
static int compare_keys(const void *a, const void *b, void *arg)
{
	double (*const *key)(const struct stats_row *r) = arg;
	double x = (*key)(a), y = (*key)(b);

	if (x != y)
		return x < y ? 1 : -1;
	return compare_names(a, b, NULL);
}

void stats_sort(struct stats_row *rows, size_t count, unsigned int by)
{
	if (by == SORT_NAME)
		qsort_r(rows, count, sizeof(*rows), compare_names, NULL);
	else if (by != SORT_NONE)
		qsort_r(rows, count, sizeof(*rows), compare_keys,
			(void *)(uintptr_t)&sort_keys[by]);
}
