/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-measure.h"

#include "common/timestamp.h"

#include <stdio.h>
#include <string.h>

#define USAGE(member) offsetof(struct container_measure, usage.member)
#define NETWORK(member) offsetof(struct container_measure, network.member)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define USEC_PER_SEC 1e6

static uint64_t value_at(const struct container_measure *measure, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)measure + offset);
}

int container_measure(struct engine *engine, struct container *container,
	struct container_measure *ret, struct err *err)
{
	struct cgroup_usage usage;
	int r = container_usage(engine, container, &usage, err);

	memset(ret, 0xff, sizeof(*ret)); /* every member UINT64_MAX */
	if (r == 0)
		ret->usage = usage;
	ret->time = timestamp_now();
	ret->network = container_network_usage(container);
	return r;
}

/* ---- as Mesos has it ---- */

/* A number as it is, or microseconds as seconds. */
static const struct statistic {
	const char *name;
	size_t offset;
	bool is_usec;
} statistics[] = {
	{ "processes", USAGE(pids) },
	{ "cpus_user_time_secs", USAGE(cpu_user_usec), true },
	{ "cpus_system_time_secs", USAGE(cpu_system_usec), true },
	{ "cpus_nr_periods", USAGE(cpu_periods) },
	{ "cpus_nr_throttled", USAGE(cpu_throttled_periods) },
	{ "cpus_throttled_time_secs", USAGE(cpu_throttled_usec), true },
	{ "mem_total_bytes", USAGE(memory_bytes) },
	{ "mem_limit_bytes", USAGE(memory_limit_bytes) },
	{ "mem_soft_limit_bytes", USAGE(memory_soft_bytes) },
	{ "mem_rss_bytes", USAGE(memory_anon_bytes) },
	{ "mem_anon_bytes", USAGE(memory_anon_bytes) },
	{ "mem_file_bytes", USAGE(memory_cache_bytes) },
	{ "mem_cache_bytes", USAGE(memory_cache_bytes) },
	{ "mem_mapped_file_bytes", USAGE(memory_mapped_bytes) },
	{ "mem_unevictable_bytes", USAGE(memory_unevictable_bytes) },
	{ "mem_swap_bytes", USAGE(swap_bytes) },
	{ "net_rx_bytes", NETWORK(received) },
	{ "net_rx_packets", NETWORK(received_packets) },
	{ "net_rx_errors", NETWORK(received_errors) },
	{ "net_rx_dropped", NETWORK(received_dropped) },
	{ "net_tx_bytes", NETWORK(sent) },
	{ "net_tx_packets", NETWORK(sent_packets) },
	{ "net_tx_errors", NETWORK(sent_errors) },
	{ "net_tx_dropped", NETWORK(sent_dropped) },
};

static void write_cpus_limit(struct json_writer *w, const struct cgroup_usage *usage)
{
	uint64_t quota = usage->cpu_quota_usec, period = usage->cpu_period_usec;

	if (quota != UINT64_MAX && quota < INT64_MAX / 1000 && period &&
		period != UINT64_MAX)
		jw_milli(w, "cpus_limit", (int64_t)(quota * 1000 / period));
}

static void write_operations(
	struct json_writer *w, const char *name, uint64_t reads, uint64_t writes)
{
	const struct {
		const char *op;
		uint64_t value;
	} operations[] = { { "READ", reads }, { "WRITE", writes } };

	jw_array(w, name);
	for (size_t i = 0; i < COUNT(operations); i++) {
		if (operations[i].value == UINT64_MAX)
			continue;
		jw_object(w, NULL);
		jw_string(w, "op", operations[i].op);
		jw_u64(w, "value", operations[i].value);
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* An entry without a device is the sum over all. */
static void write_blkio(struct json_writer *w, const struct cgroup_usage *usage)
{
	if (usage->io_read_bytes == UINT64_MAX && usage->io_reads == UINT64_MAX)
		return;
	jw_object(w, "blkio_statistics");
	jw_array(w, "throttling");
	jw_object(w, NULL);
	write_operations(w, "io_serviced", usage->io_reads, usage->io_writes);
	write_operations(
		w, "io_service_bytes", usage->io_read_bytes, usage->io_write_bytes);
	jw_object_end(w);
	jw_array_end(w);
	jw_object_end(w);
}

void container_write_statistics(
	struct json_writer *w, const struct container_measure *measure)
{
	jw_milli(w, "timestamp", measure->time / (TIMESTAMP_SECOND / 1000));
	for (size_t i = 0; i < COUNT(statistics); i++) {
		uint64_t value = value_at(measure, statistics[i].offset);

		if (value == UINT64_MAX)
			continue;
		if (statistics[i].is_usec)
			jw_milli(w, statistics[i].name, (int64_t)(value / 1000));
		else
			jw_u64(w, statistics[i].name, value);
	}
	write_cpus_limit(w, &measure->usage);
	write_blkio(w, &measure->usage);
}

/* ---- as metrics ---- */

#define GAUGE(name, help, member)                                                        \
	{                                                                                \
		{ "ucr_container_" name, help, METRIC_GAUGE }, member, 1                 \
	}
#define TOTAL(name, help, member, unit)                                                  \
	{                                                                                \
		{ "ucr_container_" name "_total", help, METRIC_COUNTER }, member, unit   \
	}
#define SECONDS(name, help, member)                                                      \
	TOTAL(name "_seconds", help, USAGE(member), USEC_PER_SEC)
#define PRESSURE(of, what)                                                               \
	SECONDS("pressure_" #of "_some",                                                 \
		"Time in which some of its processes waited for " what ".",              \
		of##_pressure.some_usec),                                                \
		SECONDS("pressure_" #of "_full",                                         \
			"Time in which all of its processes waited for " what ".",       \
			of##_pressure.full_usec)

static const struct {
	struct metric_family family;
	size_t offset;
	double divide;
} metric_rows[] = {
	SECONDS("cpu_user", "Processor time spent in its programs.", cpu_user_usec),
	SECONDS("cpu_system", "Processor time spent in the kernel for it.",
		cpu_system_usec),
	TOTAL("cpu_periods", "Periods of its hard limit in which it ran.",
		USAGE(cpu_periods), 1),
	TOTAL("cpu_throttled_periods", "Periods in which it was held back.",
		USAGE(cpu_throttled_periods), 1),
	SECONDS("cpu_throttled", "Time for which it was held back.", cpu_throttled_usec),
	GAUGE("memory_bytes", "Memory it uses.", USAGE(memory_bytes)),
	GAUGE("memory_peak_bytes", "The most memory it ever used.",
		USAGE(memory_peak_bytes)),
	GAUGE("memory_limit_bytes", "Memory it may use.", USAGE(memory_limit_bytes)),
	GAUGE("memory_soft_limit_bytes",
		"Memory it keeps, or is pushed back to, when memory is short.",
		USAGE(memory_soft_bytes)),
	GAUGE("memory_anonymous_bytes", "Memory that is of no file.",
		USAGE(memory_anon_bytes)),
	GAUGE("memory_cache_bytes", "Contents of files in memory.",
		USAGE(memory_cache_bytes)),
	GAUGE("memory_mapped_bytes", "Contents of files that it has mapped.",
		USAGE(memory_mapped_bytes)),
	GAUGE("swap_bytes", "What it has in swap.", USAGE(swap_bytes)),
	TOTAL("oom_kills", "Processes that the kernel killed for want of memory.",
		USAGE(oom_kills), 1),
	GAUGE("processes", "Processes and threads it has.", USAGE(pids)),
	GAUGE("processes_limit", "Processes and threads it may have.", USAGE(pids_limit)),
	TOTAL("io_read_bytes", "What it read from devices.", USAGE(io_read_bytes), 1),
	TOTAL("io_write_bytes", "What it wrote to devices.", USAGE(io_write_bytes), 1),
	TOTAL("io_reads", "Its reads from devices.", USAGE(io_reads), 1),
	TOTAL("io_writes", "Its writes to devices.", USAGE(io_writes), 1),
	TOTAL("network_receive_bytes", "What came to it.", NETWORK(received), 1),
	TOTAL("network_receive_packets", "Packets that came to it.",
		NETWORK(received_packets), 1),
	TOTAL("network_receive_errors", "Packets that came to it broken.",
		NETWORK(received_errors), 1),
	TOTAL("network_receive_dropped", "Packets to it that were dropped.",
		NETWORK(received_dropped), 1),
	TOTAL("network_transmit_bytes", "What it sent.", NETWORK(sent), 1),
	TOTAL("network_transmit_packets", "Packets it sent.", NETWORK(sent_packets), 1),
	TOTAL("network_transmit_errors", "Packets that could not be sent.",
		NETWORK(sent_errors), 1),
	TOTAL("network_transmit_dropped", "Packets of it that were dropped.",
		NETWORK(sent_dropped), 1),
	PRESSURE(cpu, "a processor"),
	PRESSURE(memory, "memory"),
	PRESSURE(io, "input and output"),
};

/* A path of Graphite has one place for a container: its name says more than its id. */
static void put_sample(
	struct metrics *metrics, const struct container *container, double value)
{
	const char *name = container->name;
	const struct metric_label both[] = { { "container", container->id },
		{ "name", name ? name : "" }, { 0 } };
	const struct metric_label one[] = { { "name", name ? name : container->id },
		{ 0 } };

	metrics_sample(metrics, metrics->graphite_prefix ? one : both, value);
}

void container_put_metrics(
	struct metrics *metrics, const struct container_measured *items, size_t count)
{
	for (size_t i = 0; i < COUNT(metric_rows); i++) {
		metrics_family(metrics, &metric_rows[i].family);
		for (size_t k = 0; k < count; k++) {
			uint64_t value =
				value_at(&items[k].measure, metric_rows[i].offset);

			if (value != UINT64_MAX)
				put_sample(metrics, items[k].container,
					(double)value / metric_rows[i].divide);
		}
	}
}
