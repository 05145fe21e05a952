/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-network.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LIST_MAX 16384

/* "  eth0: BYTES packets errs drop fifo frame compressed multicast BYTES packets errs drop …":
 * what was received, then what was sent. */
static void add_line(const char *line, struct network_usage *usage)
{
	unsigned long long v[8];
	char name[IF_NAMESIZE];

	if (sscanf(line,
		    " %15[^:]: %llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu",
		    name, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 9 ||
		str_eq(name, "lo"))
		return;
	usage->received += v[0];
	usage->received_packets += v[1];
	usage->received_errors += v[2];
	usage->received_dropped += v[3];
	usage->sent += v[4];
	usage->sent_packets += v[5];
	usage->sent_errors += v[6];
	usage->sent_dropped += v[7];
}

/* namespaces(7): equal device and inode are one namespace. */
static bool is_the_hosts(int process_dirfd)
{
	struct stat theirs, own;

	return fstatat(process_dirfd, "ns/net", &theirs, 0) < 0 ||
	       stat("/proc/self/ns/net", &own) < 0 ||
	       (theirs.st_dev == own.st_dev && theirs.st_ino == own.st_ino);
}

struct network_usage container_network_usage(const struct container *container)
{
	struct network_usage unknown, usage = { 0 };
	cleanup_close int process_dirfd = -1;
	char path[32], list[LIST_MAX];

	memset(&unknown, 0xff, sizeof(unknown)); /* every member UINT64_MAX */
	if (!container->pid)
		return unknown;
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)container->pid);
	process_dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process_dirfd < 0 || is_the_hosts(process_dirfd) ||
		fd_read_kernel_file(process_dirfd, "net/dev", list, sizeof(list)) < 0)
		return unknown;
	for (const char *line = list; line; line = strchr(line + 1, '\n'))
		add_line(line, &usage);
	return usage;
}
