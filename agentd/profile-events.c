/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_event_open(2): a clock event on each processor that counts while a member of the cgroup runs
 * there; or, where the kernel has no such cgroup, one for each thread and processor, which its
 * children inherit. The events of one processor share one ring buffer.
 */
#include "agentd/profile-private.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES 64 /* a power of two */
#define EVENTS_MAX 4096

struct ring {
	struct perf_event_mmap_page *page;
	int fd; /* the event that owns it */
};

struct profile_events {
	int *fds;
	size_t fd_count, fd_room;
	struct ring *rings; /* one for each processor */
	size_t ring_count;
	size_t page_size;
	/* A record that wraps around the end of its ring is put together here. */
	unsigned char record[UINT16_MAX + 1];
};

void profile_events_free(struct profile_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->ring_count; i++) {
		if (events->rings[i].page)
			(void)munmap(events->rings[i].page,
				(RING_PAGES + 1) * events->page_size);
	}
	for (size_t i = 0; i < events->fd_count; i++)
		(void)close(events->fds[i]);
	free(events->fds);
	free(events->rings);
	free(events);
}

/* ---- opening ---- */

static struct perf_event_attr attributes(const struct profile_options *options)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = options->frequency,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
	};

	attr.inherit = options->cgroup_fd < 0;
	return attr;
}

static int event_open(
	struct perf_event_attr *attr, int pid_or_cgroup, int cpu, unsigned long flags)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid_or_cgroup, cpu, -1,
		flags | PERF_FLAG_FD_CLOEXEC);

	/* Who may not see the kernel still sees the programs. */
	if (fd < 0 && (errno == EACCES || errno == EPERM) && !attr->exclude_kernel) {
		attr->exclude_kernel = 1;
		fd = (int)syscall(SYS_perf_event_open, attr, pid_or_cgroup, cpu, -1,
			flags | PERF_FLAG_FD_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

/* The first event of a processor gets the ring that the others write to. */
static int add_event(struct profile_events *events, size_t cpu, int fd)
{
	struct ring *ring = &events->rings[cpu];
	void *page;

	if (array_grow(&events->fds, events->fd_count, &events->fd_room, sizeof(fd)) <
		0) {
		(void)close(fd);
		return -ENOMEM;
	}
	events->fds[events->fd_count++] = fd;
	if (ring->page)
		return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0 ? -errno : 0;
	page = mmap(NULL, (RING_PAGES + 1) * events->page_size, PROT_READ | PROT_WRITE,
		MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	ring->page = page;
	ring->fd = fd;
	return 0;
}

/* A processor that is off (ENODEV) runs nothing. */
static int add_for_each_cpu(struct profile_events *events, struct perf_event_attr *attr,
	int pid_or_cgroup, unsigned long flags)
{
	int r = 0;

	for (size_t cpu = 0; r == 0 && cpu < events->ring_count; cpu++) {
		int fd = event_open(attr, pid_or_cgroup, (int)cpu, flags);

		if (fd >= 0)
			r = add_event(events, cpu, fd);
		else if (fd != -ENODEV)
			r = fd;
	}
	return r;
}

static int add_threads(
	struct profile_events *events, struct perf_event_attr *attr, pid_t pid)
{
	char path[64];
	cleanup_closedir DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && r == 0 && events->fd_count < EVENTS_MAX && (entry = readdir(dir))) {
		uint32_t tid;

		if (str_to_u32(entry->d_name, &tid) == 0)
			r = add_for_each_cpu(events, attr, (int)tid, 0);
		if (r == -ESRCH)
			r = 0; /* ended meanwhile */
	}
	return r;
}

static int add_all(struct profile_events *events, const struct profile_options *options)
{
	struct perf_event_attr attr = attributes(options);
	int r = 0;

	if (options->cgroup_fd >= 0)
		return add_for_each_cpu(
			events, &attr, options->cgroup_fd, PERF_FLAG_PID_CGROUP);
	for (size_t i = 0; r == 0 && i < options->pid_count; i++)
		r = add_threads(events, &attr, options->pids[i]);
	return r == 0 && !events->fd_count ? -ESRCH : r;
}

static int say_refusal(int code, struct err *err)
{
	(void)err_set(err, code, "sample the container (perf_event_open)");
	if (code == EACCES || code == EPERM)
		return err_hint(
			err, "it needs root, or a lower kernel.perf_event_paranoid");
	if (code == ENOSYS)
		return err_hint(err, "this kernel was built without perf events");
	return -code;
}

int profile_events_open(const struct profile_options *options,
	struct profile_events **ret, struct err *err)
{
	struct profile_events *events = calloc(1, sizeof(*events));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int r;

	if (!events)
		return err_oom(err);
	events->page_size = (size_t)sysconf(_SC_PAGESIZE);
	events->ring_count = cpus > 0 ? (size_t)cpus : 1;
	events->rings = calloc(events->ring_count, sizeof(*events->rings));
	r = events->rings ? add_all(events, options) : -ENOMEM;
	if (r < 0) {
		profile_events_free(events);
		return say_refusal(-r, err);
	}
	*ret = events;
	return 0;
}

int profile_events_start(struct profile_events *events, struct err *err)
{
	for (size_t i = 0; i < events->fd_count; i++) {
		if (ioctl(events->fds[i], PERF_EVENT_IOC_ENABLE, 0) < 0)
			return err_set(err, errno, "begin to sample");
	}
	return 0;
}

void profile_events_stop(struct profile_events *events)
{
	for (size_t i = 0; i < events->fd_count; i++)
		(void)ioctl(events->fds[i], PERF_EVENT_IOC_DISABLE, 0);
}

/* ---- records ---- */

struct cursor {
	const unsigned char *at;
	size_t left;
};

/* What is not there any more reads as 0. */
static void take(struct cursor *c, void *ret, size_t len)
{
	memset(ret, 0, len);
	if (len > c->left)
		len = c->left;
	memcpy(ret, c->at, len);
	c->at += len;
	c->left -= len;
}

static uint64_t take_u64(struct cursor *c)
{
	uint64_t value;

	take(c, &value, sizeof(value));
	return value;
}

static uint32_t take_u32(struct cursor *c)
{
	uint32_t value;

	take(c, &value, sizeof(value));
	return value;
}

/* A string ends within the record; the kernel pads it with zeros. */
static const char *take_string(struct cursor *c)
{
	const char *text = (const char *)c->at;

	return c->left && memchr(text, '\0', c->left) ? text : "";
}

static void on_sample(struct cursor c, uint16_t misc, const struct profile_handler *h)
{
	uint64_t chain[PROFILE_DEPTH_MAX + 4];
	pid_t pid = (pid_t)take_u32(&c);
	uint64_t count;

	(void)take_u32(&c); /* the thread */
	count = take_u64(&c);
	if (count > c.left / sizeof(*chain))
		count = c.left / sizeof(*chain);
	if (count > sizeof(chain) / sizeof(*chain))
		count = sizeof(chain) / sizeof(*chain);
	take(&c, chain, count * sizeof(*chain));
	h->sample(h->arg, pid, chain, count);
}

static void on_mapped(struct cursor c, uint16_t misc, const struct profile_handler *h)
{
	pid_t pid = (pid_t)take_u32(&c);
	uint64_t start, len, offset;
	unsigned char
		skipped[32]; /* device, inode and its generation; protection, flags */
	const char *path;

	(void)take_u32(&c);
	start = take_u64(&c);
	len = take_u64(&c);
	offset = take_u64(&c);
	take(&c, skipped, sizeof(skipped));
	path = take_string(&c);
	h->mapped(h->arg, pid, start, len, offset, *path == '/' ? path : NULL);
}

static void on_named(struct cursor c, uint16_t misc, const struct profile_handler *h)
{
	pid_t pid = (pid_t)take_u32(&c), tid = (pid_t)take_u32(&c);

	if (pid == tid)
		h->named(h->arg, pid, take_string(&c), misc & PERF_RECORD_MISC_COMM_EXEC);
}

static void on_forked(struct cursor c, uint16_t misc, const struct profile_handler *h)
{
	pid_t pid = (pid_t)take_u32(&c), parent = (pid_t)take_u32(&c);

	if (pid != parent) /* not a thread */
		h->forked(h->arg, pid, parent);
}

static void on_lost(struct cursor c, uint16_t misc, const struct profile_handler *h)
{
	(void)take_u64(&c); /* the event */
	h->lost(h->arg, take_u64(&c));
}

static const struct {
	uint32_t type;
	void (*fn)(struct cursor c, uint16_t misc, const struct profile_handler *h);
} records[] = {
	{ PERF_RECORD_SAMPLE, on_sample },
	{ PERF_RECORD_MMAP2, on_mapped },
	{ PERF_RECORD_COMM, on_named },
	{ PERF_RECORD_FORK, on_forked },
	{ PERF_RECORD_LOST, on_lost },
};

static void take_record(const struct perf_event_header *header, const unsigned char *body,
	const struct profile_handler *handler)
{
	struct cursor c = { body, header->size - sizeof(*header) };

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		if (records[i].type == header->type)
			records[i].fn(c, header->misc, handler);
	}
}

static void copy_out(
	const struct ring *ring, size_t size, uint64_t from, void *to, size_t len)
{
	const unsigned char *data =
		(const unsigned char *)ring->page + ring->page->data_offset;
	size_t at = from % size, first = size - at < len ? size - at : len;

	memcpy(to, data + at, first);
	memcpy((unsigned char *)to + first, data, len - first);
}

static void drain_ring(struct profile_events *events, struct ring *ring,
	const struct profile_handler *handler)
{
	size_t size = RING_PAGES * events->page_size;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	struct perf_event_header header;

	while (tail < head) {
		copy_out(ring, size, tail, &header, sizeof(header));
		if (header.size < sizeof(header))
			break;
		copy_out(ring, size, tail + sizeof(header), events->record,
			header.size - sizeof(header));
		take_record(&header, events->record, handler);
		tail += header.size;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

void profile_events_drain(
	struct profile_events *events, const struct profile_handler *handler)
{
	for (size_t i = 0; i < events->ring_count; i++) {
		if (events->rings[i].page)
			drain_ring(events, &events->rings[i], handler);
	}
}
