/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/resources.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

typedef int (*parse_fn)(const char *text, struct resources *ret, struct err *err);

/* What the text means, written again. */
static void written(const struct resources *resources, bool is_attribute, char ret[1024])
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	(is_attribute ? attributes_write : resources_write)(&w, NULL, resources);
	assert_int_equal(buf_finish(&b), 0);
	(void)snprintf(ret, 1024, "%s", b.data);
}

static void means(parse_fn parse, const char *text, const char *json)
{
	cleanup_resources struct resources resources = { 0 };
	struct err err = { 0 };
	char found[1024];

	if (parse(text, &resources, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	written(&resources, parse == attributes_parse, found);
	assert_string_equal(found, json);
}

static void refuses(parse_fn parse, const char *text, const char *word)
{
	struct resources resources = { 0 };
	struct err err = { 0 };

	assert_true(parse(text, &resources, &err) < 0);
	if (!strstr(err.text, word))
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(resources.count, 0);
}

#define SCALAR(name, value)                                                              \
	"{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value        \
	"},\"role\":\"*\"}"

static void test_scalars(void **state)
{
	static const char *const wrong[] = { "cpus", "cpus:", "cpus:-1", "cpus:1.2345",
		"cpus:.", "cpus:1e3", "cpus:1000000000001", "c pus:1", "cpus:four" };

	means(resources_parse, NULL, "[]");
	means(resources_parse, " ; ", "[]");
	means(resources_parse, "cpus:4", "[" SCALAR("cpus", "4.0") "]");
	means(resources_parse, " cpus : 0.25 ;mem:16384.125;x:0.010",
		"[" SCALAR("cpus", "0.25") "," SCALAR("mem", "16384.125") "," SCALAR(
			"x", "0.01") "]");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refuses(resources_parse, wrong[i], wrong[i]);
	refuses(resources_parse, "cpus:1;cpus:2", "twice");
}

static void test_ranges(void **state)
{
	means(resources_parse, "ports:[31000-32000]",
		"[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,"
		"\"end\":32000}]},\"role\":\"*\"}]");
	/* Ascending, and joined where they touch. */
	means(resources_parse, "p:[9-9, 1-3,4-5 , 2-4]",
		"[{\"name\":\"p\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":5},"
		"{\"begin\":9,\"end\":9}]},\"role\":\"*\"}]");
	means(resources_parse, "p:[0-18446744073709551615,5-6]",
		"[{\"name\":\"p\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":0,\"end\":"
		"18446744073709551615}]},\"role\":\"*\"}]");
	refuses(resources_parse, "p:[3-1]", "not understood");
	refuses(resources_parse, "p:[]", "not understood");
	refuses(resources_parse, "p:[1-2", "not understood");
	refuses(resources_parse, "p:[1-x]", "not understood");
}

static void test_sets_and_roles(void **state)
{
	means(resources_parse, "gpus(ads):{a, b};gpus:{c}",
		"[{\"name\":\"gpus\",\"type\":\"SET\",\"set\":{\"item\":[\"a\",\"b\"]},\"role\":"
		"\"ads\"},{\"name\":\"gpus\",\"type\":\"SET\",\"set\":{\"item\":[\"c\"]},\"role\":"
		"\"*\"}]");
	refuses(resources_parse, "gpus(ads:{a}", "not understood");
	refuses(resources_parse, "gpus():{a}", "not understood");
	refuses(resources_parse, "gpus:{a,,b}", "not understood");
	refuses(resources_parse, "gpus:a", "not understood");
}

static void test_attributes(void **state)
{
	means(attributes_parse, "rack:r 7;level:10;k:[1-2]",
		"[{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{\"value\":\"r 7\"}},{\"name\":"
		"\"level\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10.0}},{\"name\":\"k\",\"type\":"
		"\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":2}]}}]");
	refuses(attributes_parse, "rack(x):y", "not understood");
	refuses(attributes_parse, "rack:", "not understood");
}

static void write_file(int dirfd, const char *name, const char *text)
{
	assert_int_equal(
		fd_replace_file(dirfd, name, text, strlen(text), 0644, FD_NO_SYNC), 0);
}

static int64_t scalar(const struct resources *resources, const char *name)
{
	const struct resource *resource = resources_find(resources, name);

	return resource ? resource->milli : -1;
}

static void make_dirs(int dirfd, char *path)
{
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdirat(dirfd, path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void test_detect(void **state)
{
	char path[32], huge[] = "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
		       node[] = "devices/system/node/node0/";
	int dirfd = unit_tmpdir(path);
	const struct resources_host host = { dirfd, dirfd, dirfd };
	struct resources resources = { 0 }, attributes = { 0 };
	struct statvfs st;
	struct err err = { 0 };

	assert_int_equal(resources_detect(&host, &resources, &err), -ENOENT);
	resources_done(&resources);
	write_file(dirfd, "meminfo", "MemTotal:       3145728 kB\nMemFree: 5 kB\n");
	assert_int_equal(resources_parse("cpus:1.5", &resources, &err), 0);
	assert_int_equal(resources_detect(&host, &resources, &err), 0);
	assert_int_equal(scalar(&resources, "cpus"), 1500);
	assert_int_equal(scalar(&resources, "mem"), 2048000);
	assert_int_equal(fstatvfs(dirfd, &st), 0);
	assert_in_range(scalar(&resources, "disk"), 0,
		1000 * (uint64_t)st.f_blocks * st.f_frsize >> 20);
	assert_int_equal(resources_find(&resources, "ports")->ranges.items[0].end, 32000);
	assert_null(resources_find(&resources, "hugepages-2Mi"));
	resources_done(&resources);

	make_dirs(dirfd, huge);
	write_file(dirfd, "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	make_dirs(dirfd, node);
	write_file(dirfd, "meminfo", "MemTotal: 1048576 kB\n");
	assert_int_equal(resources_detect(&host, &resources, &err), 0);
	assert_true(scalar(&resources, "cpus") >= 1000);
	assert_int_equal(scalar(&resources, "mem"), 512000);
	assert_int_equal(scalar(&resources, "hugepages-2Mi"), 14000);
	assert_int_equal(attributes_detect(&host, &attributes, &err), 0);
	assert_int_equal(scalar(&attributes, "numa_nodes"), 1000);
	resources_done(&resources);
	resources_done(&attributes);
	assert_int_equal(fd_remove_tree(AT_FDCWD, path), 0);
	(void)close(dirfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_sets_and_roles),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_detect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
