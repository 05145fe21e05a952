/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/resources.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/statvfs.h>

#define MEGABYTE (1ULL << 20)
#define MEMORY_KEPT_MB 1024 /* for the host itself */
#define DISK_KEPT_MB 5120
#define PORT_FIRST 31000
#define PORT_LAST 32000
#define PROCESSORS_MAX 8192
#define MEMINFO_MAX 16384

static int add_scalar(struct resources *resources, const char *name, uint64_t value)
{
	struct resource resource = { .kind = RESOURCE_SCALAR,
		.milli = (int64_t)value * 1000 };
	int r = -ENOMEM;

	resource.name = strdup(name);
	resource.role = strdup("*");
	if (resource.name && resource.role)
		r = resources_add(resources, &resource);
	free(resource.name);
	free(resource.role);
	return r;
}

/* Half of what is small; the rest of what is large. */
static uint64_t leave_out(uint64_t total_mb, uint64_t kept_mb)
{
	return total_mb > 2 * kept_mb ? total_mb - kept_mb : total_mb / 2;
}

static int detect_cpus(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	cpu_set_t *set = CPU_ALLOC(PROCESSORS_MAX);
	size_t size = CPU_ALLOC_SIZE(PROCESSORS_MAX);
	int count = 0;

	if (!set)
		return err_oom(err);
	if (sched_getaffinity(0, size, set) == 0)
		count = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	if (!count)
		return err_set(err, errno, "count the processors");
	return add_scalar(resources, "cpus", (uint64_t)count);
}

static int detect_memory(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	char text[MEMINFO_MAX];
	const char *line;
	uint64_t kb;
	int r = fd_read_kernel_file(host->proc_dirfd, "meminfo", text, sizeof(text));

	if (r < 0)
		return err_set(err, -r, "read meminfo");
	line = strstr(text, "MemTotal:");
	if (!line || sscanf(line, "MemTotal: %" SCNu64, &kb) != 1)
		return err_say(err, EPROTO, "meminfo has no MemTotal");
	return add_scalar(resources, "mem", leave_out(kb / 1024, MEMORY_KEPT_MB));
}

static int detect_disk(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	struct statvfs st;

	if (fstatvfs(host->work_dirfd, &st) < 0)
		return err_set(err, errno, "ask for the size of the file system");
	return add_scalar(resources, "disk",
		leave_out((uint64_t)st.f_blocks * st.f_frsize / MEGABYTE, DISK_KEPT_MB));
}

static int detect_ports(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	cleanup_resources struct resources ports = { 0 };
	char text[64];
	int r;

	(void)snprintf(text, sizeof(text), "ports:[%d-%d]", PORT_FIRST, PORT_LAST);
	r = resources_parse(text, &ports, err);
	return r < 0 ? r : resources_add(resources, &ports.items[0]);
}

/* Those that are reserved; none is no resource. */
static int detect_huge_pages(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	char text[32];
	uint64_t pages = 0;

	if (fd_read_kernel_file(host->sys_dirfd,
		    "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", text,
		    sizeof(text)) < 0 ||
		sscanf(text, "%" SCNu64, &pages) != 1 || !pages || pages > UINT32_MAX)
		return 0;
	return add_scalar(resources, "hugepages-2Mi", 2 * pages);
}

static const struct {
	const char *name;
	int (*detect)(const struct resources_host *host, struct resources *resources,
		struct err *err);
} found[] = {
	{ "cpus", detect_cpus },
	{ "mem", detect_memory },
	{ "disk", detect_disk },
	{ "ports", detect_ports },
	{ "hugepages-2Mi", detect_huge_pages },
};

int resources_detect(
	const struct resources_host *host, struct resources *resources, struct err *err)
{
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		int r;

		if (resources_find(resources, found[i].name))
			continue;
		if (err)
			err->text[0] = '\0';
		r = found[i].detect(host, resources, err);
		if (r < 0 && err && !err->text[0])
			(void)err_set(err, -r, "add %s", found[i].name);
		if (r < 0)
			return r;
	}
	return 0;
}

static uint64_t count_nodes(int sys_dirfd)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	uint64_t count = 0;
	int fd = openat(
		sys_dirfd, "devices/system/node", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !dir)
		(void)close(fd);
	while (dir && (e = readdir(dir))) {
		const char *rest = str_skip_prefix(e->d_name, "node");

		count += rest && *rest && !rest[strspn(rest, "0123456789")];
	}
	return count;
}

int attributes_detect(
	const struct resources_host *host, struct resources *attributes, struct err *err)
{
	uint64_t count = count_nodes(host->sys_dirfd);
	int r = 0;

	if (count && !resources_find(attributes, "numa_nodes"))
		r = add_scalar(attributes, "numa_nodes", count);
	return r < 0 ? err_set(err, -r, "add numa_nodes") : 0;
}
