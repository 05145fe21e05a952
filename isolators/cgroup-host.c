/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hierarchies of this host, from /proc/self/cgroup and from what is mounted beneath
 * the root descriptor. Read once; nothing here looks at mount tables, whose length is not
 * ours.
 */
#include "isolators/cgroup-tree.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cgroup_backend *const backends[] = { &cgroup_v2_backend,
	&cgroup_v1_backend };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "id:controllers:place", cut in place. */
static bool line_split(char *text, struct cgroup_line *ret)
{
	char *controllers = strchr(text, ':'), *place;

	if (!controllers)
		return false;
	place = strchr(++controllers, ':');
	if (!place)
		return false;
	*place++ = '\0';
	if (place[0] != '/')
		return false;
	*ret = (struct cgroup_line){ controllers, place };
	return true;
}

/*
 * The caller's cgroup as it is reachable beneath the mount. The kernel writes "/.." for
 * one outside of the cgroup namespace, and a container without such a namespace sees
 * paths of the host although its mounts start further down; both mean the top of what can
 * be seen.
 */
static int place_set(int root_dirfd, const char *place, struct cgroup_hierarchy *h)
{
	char path[CGROUP_PATH_ROOM];

	if (strlen(place) >= CGROUP_PLACE_ROOM)
		return -ENAMETOOLONG;
	h->place = "/";
	if (str_eq(place, "/") || str_skip_prefix(place, "/.."))
		return 0;
	(void)snprintf(path, sizeof(path), "%s%s", h->folder, place);
	if (faccessat(root_dirfd, path, F_OK, 0) == 0)
		h->place = place;
	return 0;
}

static int host_add_line(struct cgroup_host *host, char *text)
{
	struct cgroup_line line;

	if (!line_split(text, &line))
		return 0;
	for (size_t i = 0; i < COUNT(backends); i++) {
		struct cgroup_hierarchy h = { .backend = backends[i] };

		if (!backends[i]->probe(host->root_dirfd, &line, &h))
			continue;
		if (host->count == CGROUP_HIERARCHIES_MAX)
			return -E2BIG;
		host->items[host->count++] = h;
		return place_set(
			host->root_dirfd, line.place, &host->items[host->count - 1]);
	}
	return 0;
}

/* The v2 tree first: see cgroup-tree.h. It guards devices only where no v1 hierarchy
 * does, whose rules cost less to set than a program. */
static void host_arrange(struct cgroup_host *host)
{
	bool has_devices = cgroup_host_find(host, CGROUP_DEVICES);

	for (size_t i = 0; i < host->count; i++) {
		struct cgroup_hierarchy h = host->items[i];

		if (h.backend != &cgroup_v2_backend)
			continue;
		if (!has_devices)
			h.controllers |= CGROUP_DEVICES;
		memmove(&host->items[1], &host->items[0], i * sizeof(h));
		host->items[0] = h;
	}
}

static int host_read(struct cgroup_host *host, struct err *err)
{
	char *next, *line;
	int r;

	next = host->text = malloc(CGROUP_FILE_ROOM);
	if (!next)
		return err_oom(err);
	r = fd_read_kernel_file(host->proc_dirfd, "self/cgroup", next, CGROUP_FILE_ROOM);
	if (r == -ENOENT)
		return 0; /* a kernel without cgroups */
	if (r < 0)
		return err_set(err, -r, "read /proc/self/cgroup");
	while ((line = strsep(&next, "\n"))) {
		r = host_add_line(host, line);
		if (r < 0)
			return err_set(err, -r, "read /proc/self/cgroup: \"%s\"", line);
	}
	host_arrange(host);
	return 0;
}

static int dup_dirfd(int dirfd, int *ret)
{
	*ret = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

int cgroup_host_open(
	int root_dirfd, int proc_dirfd, struct cgroup_host **ret, struct err *err)
{
	struct cgroup_host *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return err_oom(err);
	host->root_dirfd = host->proc_dirfd = -1;
	r = dup_dirfd(root_dirfd, &host->root_dirfd);
	if (r < 0)
		r = err_set(err, -r, "open the cgroup directory");
	if (r == 0) {
		r = dup_dirfd(proc_dirfd, &host->proc_dirfd);
		if (r < 0)
			r = err_set(err, -r, "open /proc");
	}
	if (r == 0)
		r = host_read(host, err);
	if (r < 0) {
		cgroup_host_free(host);
		return r;
	}
	*ret = host;
	return 0;
}

void cgroup_host_free(struct cgroup_host *host)
{
	if (!host)
		return;
	cleanup_close_fn(&host->root_dirfd);
	cleanup_close_fn(&host->proc_dirfd);
	free(host->text);
	free(host);
}

const struct cgroup_hierarchy *cgroup_host_find(
	const struct cgroup_host *host, uint32_t bit)
{
	for (size_t i = 0; i < host->count; i++) {
		if (host->items[i].controllers & bit)
			return &host->items[i];
	}
	return NULL;
}

const char *cgroup_host_name(const struct cgroup_host *host)
{
	bool has_v2 = host->count && host->items[0].backend == &cgroup_v2_backend;

	if (!host->count)
		return "none";
	if (!has_v2)
		return cgroup_v1_backend.name;
	return host->count > 1 ? "hybrid" : cgroup_v2_backend.name;
}

int cgroup_host_controllers(const struct cgroup_host *host, strv *ret)
{
	cleanup_strv strv names = NULL;
	uint32_t bits = 0;
	int r;

	for (size_t i = 0; i < host->count; i++)
		bits |= host->items[i].controllers;
	bits &= ~(uint32_t)CGROUP_UNIFIED;
	for (uint32_t bit = 1; bit <= bits; bit <<= 1) {
		if (!(bits & bit))
			continue;
		r = strv_add(&names, cgroup_controller_name(bit));
		if (r < 0)
			return r;
	}
	*ret = take_ptr(names);
	return 0;
}

bool cgroup_host_is_privileged(const struct cgroup_host *host)
{
	unsigned long inside, outside, count;
	char map[256];

	if (geteuid() != 0)
		return false;
	if (fd_read_kernel_file(host->proc_dirfd, "self/uid_map", map, sizeof(map)) < 0)
		return true;
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
	       (inside == 0 && outside == 0 && count == UINT32_MAX);
}
