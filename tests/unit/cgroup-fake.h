/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary folder that looks like /sys/fs/cgroup and /proc. */
#ifndef UCR_TESTS_CGROUP_FAKE_H
#define UCR_TESTS_CGROUP_FAKE_H

#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"
#include "isolators/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct fake {
	char dir[32];
	int dirfd, root_dirfd, proc_dirfd;
	struct cgroup_host *host;
};

/* Writes a file of the fake, with the folders on the way. */
static inline void fake_put(int dirfd, const char *path, const char *text)
{
	cleanup_close int fd = -1;
	char prefix[256];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		(void)mkdirat(dirfd, prefix, 0755);
	}
	fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static inline void fake_expect(int dirfd, const char *path, const char *text)
{
	char buf[512];

	assert_int_equal(fd_read_kernel_file(dirfd, path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, text);
}

static inline int fake_setup(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	fake->dirfd = unit_tmpdir(fake->dir);
	fake->root_dirfd = fd_mkdir_open(fake->dirfd, "cgroup", 0755);
	fake->proc_dirfd = fd_mkdir_open(fake->dirfd, "proc", 0755);
	assert_true(fake->root_dirfd >= 0 && fake->proc_dirfd >= 0);
	*state = fake;
	return 0;
}

static inline int fake_teardown(void **state)
{
	struct fake *fake = *state;

	cgroup_host_free(fake->host);
	cleanup_close_fn(&fake->dirfd);
	cleanup_close_fn(&fake->root_dirfd);
	cleanup_close_fn(&fake->proc_dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, fake->dir), 0);
	free(fake);
	return 0;
}

/* Opens the host with these lines in /proc/self/cgroup. */
static inline void fake_open(struct fake *fake, const char *lines)
{
	fake_put(fake->proc_dirfd, "self/cgroup", lines);
	assert_int_equal(
		cgroup_host_open(fake->root_dirfd, fake->proc_dirfd, &fake->host, NULL),
		0);
}

/* An empty file for each name. */
static inline void fake_files(int dirfd, const char *folder, const char *const *names)
{
	char path[256];

	for (; *names; names++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, *names);
		fake_put(dirfd, path, "");
	}
}

#define FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

#endif
