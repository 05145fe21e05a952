/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka and the headers it needs before itself. */
#ifndef UCR_TESTS_UNIT_H
#define UCR_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

/* A fresh temporary directory, opened. Its path is written to `ret` (at least 32 bytes).
 */
static inline int unit_tmpdir(char *ret)
{
	int fd;

	__builtin_strcpy(ret, "/tmp/ucr-unit-XXXXXX");
	assert_non_null(mkdtemp(ret));
	fd = open(ret, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The entries of a directory, but for hidden ones. */
static inline size_t unit_count_entries(int dirfd, const char *dir)
{
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream;
	struct dirent *e;
	size_t n = 0;

	assert_true(fd >= 0);
	stream = fdopendir(fd);
	assert_non_null(stream);
	while ((e = readdir(stream)))
		n += *e->d_name != '.';
	(void)closedir(stream);
	return n;
}

#endif
