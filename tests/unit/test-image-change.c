/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "ucrctl/image-change.h"

#include <errno.h>

/* The configuration that instructions (NULL ends them) make, as a document. */
static char *made_of(const char *const *instructions)
{
	struct image_config config = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err;

	for (; *instructions; instructions++)
		assert_int_equal(image_change(*instructions, &config, &err), 0);
	assert_int_equal(str_set(&config.os, "linux"), 0);
	assert_int_equal(str_set(&config.architecture, "amd64"), 0);
	image_config_write(&w, &config, NULL);
	image_config_done(&config);
	return buf_take(&b);
}

static void assert_made(const char *const *instructions, const char *want)
{
	cleanup_free char *text = made_of(instructions);
	const char *config = text ? strstr(text, "\"config\":") : NULL;

	assert_non_null(config);
	config += strlen("\"config\":");
	*strstr(config, ",\"rootfs\"") = '\0';
	assert_string_equal(config, want);
}

#define MADE(want, ...) assert_made((const char *const[]){ __VA_ARGS__, NULL }, want)

static void test_commands(void **state)
{
	MADE("{\"Cmd\":[\"a\",\"b c\"]}", "CMD [\"a\", \"b c\"]");
	MADE("{\"Cmd\":[\"/bin/sh\",\"-c\",\"a  'b'\"]}", "cmd a  'b'");
	MADE("{\"Cmd\":[\"x\"]}", "CMD y", "CMD=[\"x\"]");
	MADE("{\"Entrypoint\":[\"x\"]}", "  ENTRYPOINT   [\"x\"]");
	MADE("{}", "ENTRYPOINT x", "ENTRYPOINT []");
}

static void test_pairs(void **state)
{
	MADE("{\"Env\":[\"A=1\",\"B=2 3\",\"C=\"]}", "ENV A=1 B=\"2 3\" C=");
	MADE("{\"Env\":[\"A=b c=d\"]}", "ENV A b c=d");
	MADE("{\"Env\":[\"A=2\"]}", "ENV A=1", "ENV A=2");
	MADE("{\"Env\":[\"A=x y\",\"B=\\\\\"]}", "ENV A=x\\ y B='\\'");
	MADE("{\"Labels\":{\"a b\":\"c=d\"}}", "LABEL \"a b\"=c=d");
}

static void test_sets(void **state)
{
	MADE("{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}", "EXPOSE 80 53/udp",
		"EXPOSE 80/tcp");
	MADE("{\"Volumes\":{\"/a\":{},\"/b c\":{}}}", "VOLUME /a \"/b c\"",
		"VOLUME [\"/a\"]");
}

static void test_words(void **state)
{
	MADE("{\"User\":\"1:2\",\"WorkingDir\":\"/a b\",\"StopSignal\":\"INT\"}",
		"USER 0", "USER 1:2", "WORKDIR \"/a b\"", "STOPSIGNAL INT");
}

static void test_refusals(void **state)
{
	static const char *const bad[] = { "", "RUN x", "CMDX a", "CMD", "CMD ", "CMD [",
		"CMD [1]", "ENV =1", "ENV A", "ENV A=1 B", "ENV A=\"1", "USER a b",
		"WORKDIR a", "VOLUME a", "VOLUME [\"/a\",\"b\"]", "EXPOSE x", "EXPOSE 0",
		"EXPOSE 65536", "EXPOSE 1/", "EXPOSE 1/icmp", "EXPOSE /tcp",
		"STOPSIGNAL 0", "STOPSIGNAL TERMINATE" };
	struct image_config config = { 0 };
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (image_change(bad[i], &config, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(strstr(err.text, "--change"));
	}
	image_config_done(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
