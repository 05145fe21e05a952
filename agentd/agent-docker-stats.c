/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses, each second until it has ended or nobody reads: the figures of
 * agentd/container-measure.h in Docker's form. What nobody counts here is 0 there. */
#include "agentd/agent-docker.h"

#include "agentd/container-json.h"
#include "agentd/container-measure.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define INTERVAL_MS 1000
#define NS_PER_USEC 1000
#define LINE_MAX_BYTES 512
#define NO_TIME "0001-01-01T00:00:00Z" /* Go's */

struct sample {
	struct container_measure measure;
	uint64_t system_ns; /* of all processors, idle or not */
};

static uint64_t known(uint64_t value)
{
	return value == UINT64_MAX ? 0 : value;
}

/* proc_stat(5): user, nice, system, idle, iowait, irq and softirq. */
static uint64_t system_time(void)
{
	cleanup_close int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	char text[LINE_MAX_BYTES];
	uint64_t v[7], sum = 0;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text,
		    "cpu %" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
		    "%" SCNu64,
		    &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]) != 7)
		return 0;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		sum += v[i];
	return sum * ((uint64_t)TIMESTAMP_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* ---- form ---- */

static void write_time(struct json_writer *w, const char *key, const struct sample *s)
{
	char stamp[TIMESTAMP_MAX];

	jw_string(w, key, s ? timestamp_format(s->measure.time, stamp) : NO_TIME);
}

static void write_cpu(struct json_writer *w, const char *key, const struct sample *s)
{
	const struct cgroup_usage none = { 0 }, *u = s ? &s->measure.usage : &none;

	jw_object(w, key);
	jw_object(w, "cpu_usage");
	jw_u64(w, "total_usage", known(u->cpu_usec) * NS_PER_USEC);
	jw_u64(w, "usage_in_kernelmode", known(u->cpu_system_usec) * NS_PER_USEC);
	jw_u64(w, "usage_in_usermode", known(u->cpu_user_usec) * NS_PER_USEC);
	jw_object_end(w);
	jw_u64(w, "system_cpu_usage", s ? s->system_ns : 0);
	jw_u64(w, "online_cpus", s ? (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) : 0);
	jw_object(w, "throttling_data");
	jw_u64(w, "periods", known(u->cpu_periods));
	jw_u64(w, "throttled_periods", known(u->cpu_throttled_periods));
	jw_u64(w, "throttled_time", known(u->cpu_throttled_usec) * NS_PER_USEC);
	jw_object_end(w);
	jw_object_end(w);
}

/* Without a limit the host's memory is one. */
static void write_memory(struct json_writer *w, const struct cgroup_usage *u)
{
	uint64_t all =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	jw_object(w, "memory_stats");
	jw_u64(w, "usage", known(u->memory_bytes));
	jw_u64(w, "max_usage", known(u->memory_peak_bytes));
	jw_u64(w, "limit", u->memory_limit_bytes < all ? u->memory_limit_bytes : all);
	jw_object(w, "stats");
	jw_u64(w, "anon", known(u->memory_anon_bytes));
	jw_u64(w, "file", known(u->memory_cache_bytes));
	jw_u64(w, "file_mapped", known(u->memory_mapped_bytes));
	jw_u64(w, "unevictable", known(u->memory_unevictable_bytes));
	jw_object_end(w);
	jw_object_end(w);
}

/* An entry of device 0:0 is the sum over all. */
static void write_operations(
	struct json_writer *w, const char *key, uint64_t reads, uint64_t writes)
{
	const struct {
		const char *op;
		uint64_t value;
	} rows[] = { { "read", reads }, { "write", writes } };

	jw_array(w, key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value == UINT64_MAX)
			continue;
		jw_object(w, NULL);
		jw_u64(w, "major", 0);
		jw_u64(w, "minor", 0);
		jw_string(w, "op", rows[i].op);
		jw_u64(w, "value", rows[i].value);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void write_network(struct json_writer *w, const struct network_usage *n)
{
	if (n->received == UINT64_MAX)
		return;
	jw_object(w, "networks");
	jw_object(w, NETWORK_INTERFACE);
	jw_u64(w, "rx_bytes", n->received);
	jw_u64(w, "rx_packets", n->received_packets);
	jw_u64(w, "rx_errors", n->received_errors);
	jw_u64(w, "rx_dropped", n->received_dropped);
	jw_u64(w, "tx_bytes", n->sent);
	jw_u64(w, "tx_packets", n->sent_packets);
	jw_u64(w, "tx_errors", n->sent_errors);
	jw_u64(w, "tx_dropped", n->sent_dropped);
	jw_object_end(w);
	jw_object_end(w);
}

static void write_name(struct json_writer *w, const struct container *c)
{
	cleanup_free char *name = container_docker_name(c);

	jw_string(w, "name", name);
	jw_string(w, "id", c->id);
}

/* `now` NULL: it does not run. */
static void write_sample(struct json_writer *w, const struct container *c,
	const struct sample *before, const struct sample *now)
{
	jw_object(w, NULL);
	write_time(w, "read", now);
	write_time(w, "preread", before);
	write_name(w, c);
	jw_u64(w, "num_procs", 0);
	jw_object(w, "pids_stats");
	if (now)
		jw_u64(w, "current", known(now->measure.usage.pids));
	if (now && now->measure.usage.pids_limit != UINT64_MAX)
		jw_u64(w, "limit", now->measure.usage.pids_limit);
	jw_object_end(w);
	write_cpu(w, "cpu_stats", now);
	write_cpu(w, "precpu_stats", before);
	if (now) {
		const struct cgroup_usage *u = &now->measure.usage;

		write_memory(w, u);
		jw_object(w, "blkio_stats");
		write_operations(w, "io_service_bytes_recursive", u->io_read_bytes,
			u->io_write_bytes);
		write_operations(w, "io_serviced_recursive", u->io_reads, u->io_writes);
		jw_object_end(w);
		write_network(w, &now->measure.network);
	}
	jw_object_end(w);
}

/* ---- samples ---- */

static int tell(const struct container *c, const struct sample *before,
	const struct sample *now, int fd)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	write_sample(&w, c, before, now);
	buf_putc(&b, '\n');
	r = buf_finish(&b);
	return r < 0 ? r : fd_write_all(fd, b.data, b.len);
}

/* False: nobody reads any more. */
static bool wait_a_while(int fd)
{
	struct pollfd gone = { .fd = fd };

	return poll(&gone, 1, INTERVAL_MS) == 0;
}

/* One without a cgroup has nothing that is counted, and goes on. */
static int take_sample(struct agent *agent, const struct agent_call *call,
	struct container **ret, struct sample *sample)
{
	struct err ignored;
	int r = agent_docker_find(agent, call, ret, &ignored);

	if (r < 0)
		return r;
	(void)!container_measure(agent->engine, *ret, &sample->measure, &ignored);
	sample->system_ns = system_time();
	return container_is_live(*ret);
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	uint32_t wanted = call->docker.limit;
	struct sample samples[2];

	for (uint32_t i = 0;; i++) {
		cleanup_container struct container *container = NULL;
		struct sample *now = &samples[i % 2];
		int live = take_sample(agent, call, &container, now);

		/* Of two only the second is wanted. */
		if (live >= 0 && (live == 0 || !wanted || i + 1 == wanted) &&
			tell(container, i > 0 ? &samples[(i + 1) % 2] : NULL,
				live ? now : NULL, fd) < 0)
			return;
		if (live <= 0 || i + 1 == wanted || !wait_a_while(fd))
			return;
	}
}

int agent_docker_stats(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_find(agent, call, &container, err);

	return r < 0 ? r : agent_docker_pipe(answer, follow, err);
}
