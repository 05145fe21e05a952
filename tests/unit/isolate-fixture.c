/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/isolate-fixture.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

void write_file(int dirfd, const char *name, const char *text)
{
	assert_int_equal(
		fd_replace_file(dirfd, name, text, strlen(text), 0644, FD_NO_SYNC), 0);
}

int isolate_set_up(void **state)
{
	struct bundle *b = calloc(1, sizeof(*b));

	b->fd = unit_tmpdir(b->path);
	assert_int_equal(fchmod(b->fd, 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root/etc", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root/work", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "volume", 0755), 0);
	write_file(b->fd, "volume/file", "from the host\n");
	write_file(b->fd, "root/etc/passwd",
		"root:x:0:0::/root:/bin/sh\nalice:x:1234:1235::/home/alice:/bin/sh\n");
	write_file(b->fd, "root/etc/group", "alice:x:1235:\naudio:x:29:alice\n");
	*state = b;
	return 0;
}

int isolate_tear_down(void **state)
{
	struct bundle *b = *state;

	(void)close(b->fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, b->path), 0);
	free(b);
	return 0;
}

static const char *or_else(const char *s, const char *fallback)
{
	return s ? s : fallback;
}

char *config(const struct parts *p)
{
	char *text = str_printf(
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"root\"%s},"
		"\"process\":{\"args\":[\"true\"],\"cwd\":\"%s\",\"user\":{%s}%s},"
		"\"mounts\":[%s],\"linux\":{\"namespaces\":[%s]%s}%s}",
		or_else(p->root, ""), or_else(p->cwd, "/"),
		or_else(p->ids, "\"uid\":0,\"gid\":0"), or_else(p->process, ""),
		or_else(p->mounts, MOUNTS), or_else(p->namespaces, NAMESPACES),
		or_else(p->more_linux, ""), or_else(p->more, ""));

	assert_non_null(text);
	return text;
}

void run_box(struct box *box)
{
	struct err err = { 0 };

	if (box_run(box, &err) < 0)
		fail_msg("%s", err.text);
}

void expect_error(struct box *box, int code, const char *part)
{
	struct err err = { 0 };

	assert_int_equal(box_run(box, &err), -code);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

bool is_device(const char *path, unsigned int a, unsigned int b)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(a, b);
}

bool has_magic(const char *path, long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == magic;
}

bool is_readonly(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (fs.f_flags & MS_RDONLY);
}

size_t count_lines(const char *path)
{
	cleanup_free char *text = malloc(65536);
	size_t lines = 0;

	if (!text || fd_read_kernel_file(AT_FDCWD, path, text, 65536) < 0)
		return 0;
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	return lines;
}

int look_at_nothing(const struct isolation *isolation, struct err *err)
{
	return 0;
}
