/* SPDX-License-Identifier: Apache-2.0 */
/* The log as the shim writes it and the engine reads it. */
#include "tests/unit/unit.h"

#include "agentd/log.h"
#include "common/buf.h"
#include "common/fd.h"
#include "runtime/shim-log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_LIMIT (1LL << 40)

static int dirfd_;
static char dir[32];

static int make_dir(void **state)
{
	dirfd_ = unit_tmpdir(dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)close(dirfd_);
	return fd_remove_tree(AT_FDCWD, dir);
}

static void write_log(int64_t max_size, unsigned int files, int stream, const char *text)
{
	struct shim_log log;

	shim_log_init(&log, dirfd_, max_size, files);
	shim_log_write(&log, stream, text, strlen(text));
	assert_true(log.lost_bytes == 0);
	if (log.fd >= 0)
		(void)close(log.fd);
}

/* Everything that is read, with "&" before what came from standard error. */
static char *read_log(const struct log_options *options)
{
	struct log_reader *reader;
	struct buf b = BUF_INIT;
	struct log_line line;
	int r;

	assert_int_equal(log_open(dirfd_, options, &reader, NULL), 0);
	while ((r = log_next(reader, &line, NULL)) > 0) {
		if (line.stream == STDERR_FILENO)
			buf_putc(&b, '&');
		buf_put(&b, line.text, line.len);
		if (!line.is_partial)
			buf_putc(&b, '\n');
	}
	assert_int_equal(r, 0);
	log_free(reader);
	assert_int_equal(buf_finish(&b), 0);
	return b.data ? b.data : strdup("");
}

static void expect(const struct log_options *options, const char *want)
{
	char *text = read_log(options);

	assert_string_equal(text, want);
	free(text);
}

static void test_empty(void **state)
{
	expect(&(struct log_options){ .tail = -1 }, "");
	expect(&(struct log_options){ .tail = 5 }, "");
}

/* What has no newline stays without one, byte for byte. */
static void test_parts(void **state)
{
	write_log(NO_LIMIT, 3, STDOUT_FILENO, "one\ntwo\nthr");
	write_log(NO_LIMIT, 3, STDOUT_FILENO, "ee\n\nend");
	write_log(NO_LIMIT, 3, STDERR_FILENO, "oops\n");
	expect(&(struct log_options){ .tail = -1 }, "one\ntwo\nthree\n\nend&oops\n");
	expect(&(struct log_options){ .tail = 1 }, "&oops\n");
	expect(&(struct log_options){ .tail = 2 }, "end&oops\n");
	expect(&(struct log_options){ .tail = 4 }, "three\n\nend&oops\n");
	write_log(NO_LIMIT, 3, STDOUT_FILENO, "less");
	expect(&(struct log_options){ .tail = 2 }, "end&oops\nless");
	expect(&(struct log_options){ .tail = 0 }, "");
}

static void test_rotation(void **state)
{
	struct shim_log log;
	struct stat st;
	char line[32];
	char *text;

	shim_log_init(&log, dirfd_, 4096, 3);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		shim_log_write(&log, STDOUT_FILENO, line, strlen(line));
	}
	(void)close(log.fd);
	assert_int_equal(fstatat(dirfd_, "log.2", &st, 0), 0);
	assert_true(st.st_size <= 4096);
	assert_int_equal(fstatat(dirfd_, "log.3", &st, 0), -1);
	text = read_log(&(struct log_options){ .tail = -1 });
	assert_non_null(strstr(text, "line 999\n"));
	assert_null(strstr(text, "line 1\n"));
	free(text);
	expect(&(struct log_options){ .tail = 2 }, "line 998\nline 999\n");
}

/* A reader in the middle of the oldest file goes on through all that came after it. */
static void test_rotation_under_a_reader(void **state)
{
	struct log_options options = { .tail = -1 };
	struct log_reader *reader;
	struct log_line line;
	struct shim_log log;
	char text[32];
	int read = 0;

	shim_log_init(&log, dirfd_, 4096, 5);
	for (int i = 0; i < 10; i++)
		shim_log_write(&log, STDOUT_FILENO, "early\n", 6);
	assert_int_equal(log_open(dirfd_, &options, &reader, NULL), 0);
	assert_int_equal(log_next(reader, &line, NULL), 1);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text), "late %d\n", i);
		shim_log_write(&log, STDOUT_FILENO, text, strlen(text));
	}
	(void)close(log.fd);
	for (int i = 1; i < 10; i++)
		assert_int_equal(log_next(reader, &line, NULL), 1);
	while (log_next(reader, &line, NULL) > 0) {
		(void)snprintf(text, sizeof(text), "late %d", read++);
		assert_int_equal(line.len, strlen(text));
		assert_memory_equal(line.text, text, line.len);
	}
	assert_int_equal(read, 200);
	log_free(reader);
}

static void test_malformed_lines(void **state)
{
	static const char text[] = "garbage\n\n"
				   "2016-10-06T00:17:09.669794202Z stdout F kept\n"
				   "2016-99-06T00:17:09.669794202Z stdout F not\n"
				   "2016-10-06T00:17:09.669794202Z stderr P cut";

	assert_int_equal(
		fd_replace_file(dirfd_, "log", text, strlen(text), 0600, FD_NO_SYNC), 0);
	expect(&(struct log_options){ .tail = -1 }, "kept\n");
	expect(&(struct log_options){ .tail = -1, .since = 1475713029669794203LL }, "");
	expect(&(struct log_options){ .tail = -1, .until = 1475713029669794201LL }, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_parts, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_rotation, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			test_rotation_under_a_reader, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_malformed_lines, make_dir, drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
