/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/image.h"

#include <errno.h>
#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX64 "\"]}"
#define HOST "\"os\":\"linux\",\"architecture\":\"amd64\""

static int parse(const char *text, struct image_config *ret, struct err *err)
{
	return image_config_parse(text, strlen(text), ret, err);
}

static void test_full(void **state)
{
	static const char text[] =
		"{" HOST ",\"variant\":\"v2\",\"created\":\"2024-01-02T03:04:05Z\","
		"\"author\":\"A\",\"config\":{\"User\":\"1:2\",\"Env\":[\"A=b\",\"C\"],"
		"\"Entrypoint\":[\"/e\"],\"Cmd\":[\"x\",\"\"],\"WorkingDir\":\"/w\","
		"\"StopSignal\":\"SIGINT\",\"Volumes\":{\"/data\":{}},"
		"\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Labels\":{\"k\":\"v\"},"
		"\"Healthcheck\":{\"Test\":[\"CMD\"]},\"ArgsEscaped\":true}," ROOTFS
		",\"history\":[{\"empty_layer\":true}],\"moby.x\":[[]]}";
	struct image_config config;
	struct err err;

	assert_int_equal(parse(text, &config, &err), 0);
	assert_string_equal(config.os, "linux");
	assert_string_equal(config.architecture, "amd64");
	assert_string_equal(config.variant, "v2");
	assert_string_equal(config.user, "1:2");
	assert_int_equal(strv_len(config.env), 2);
	assert_string_equal(config.env[1], "C");
	assert_string_equal(config.entrypoint[0], "/e");
	assert_string_equal(config.cmd[1], "");
	assert_string_equal(config.working_dir, "/w");
	assert_string_equal(config.stop_signal, "SIGINT");
	assert_string_equal(config.volumes[0], "/data");
	assert_int_equal(strv_len(config.exposed_ports), 2);
	assert_string_equal(config.labels[0], "k=v");
	assert_string_equal(config.diff_ids[0], "sha256:" HEX64);
	image_config_done(&config);
}

static void test_null_and_absent(void **state)
{
	static const char *const texts[] = {
		"{" HOST "," ROOTFS "}",
		"{" HOST "," ROOTFS ",\"config\":null}",
		"{" HOST "," ROOTFS ",\"config\":{\"User\":null,\"Env\":null,\"Cmd\":"
		"null,\"Entrypoint\":null,"
		"\"Volumes\":null,\"ExposedPorts\":null,\"Labels\":null}}",
		"{" HOST ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}",
		"{" HOST ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
	};
	struct image_config config;
	struct err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &config, &err), 0);
		assert_null(config.env);
		assert_null(config.volumes);
		image_config_done(&config);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "", "image configuration" },
		{ "[]", "no JSON object" },
		{ "{}", "artifact" },
		{ "{" HOST "}", "artifact" },
		{ "{\"os\":\"linux\"," ROOTFS "}", "architecture" },
		{ "{" HOST ",\"rootfs\":{\"diff_ids\":[]}}", "rootfs.type" },
		{ "{" HOST ",\"rootfs\":{\"type\":\"squash\"}}", "rootfs.type" },
		{ "{" HOST ",\"rootfs\":[]}", "rootfs" },
		{ "{" HOST
		  ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha512:00\"]}}",
			"rootfs.diff_ids" },
		{ "{" HOST
		  ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"../../etc\"]}}",
			"rootfs.diff_ids" },
		{ "{" HOST ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}",
			"rootfs.diff_ids" },
		{ "{" HOST "," ROOTFS ",\"config\":{\"Env\":\"A=b\"}}", "config.Env" },
		{ "{" HOST "," ROOTFS ",\"config\":{\"Env\":[\"A=\\u0000\"]}}",
			"config.Env" },
		{ "{" HOST "," ROOTFS ",\"config\":{\"Volumes\":[]}}", "config.Volumes" },
		{ "{" HOST "," ROOTFS ",\"config\":{\"Labels\":{\"a\":1}}}",
			"config.Labels" },
		{ "{" HOST "," ROOTFS ",\"config\":{\"User\":1}}", "config.User" },
	};
	struct image_config config;
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i][0], &config, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i][1]));
	}
}

static void test_too_many_layers(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct image_config config;
	struct err err;

	buf_puts(&b, "{" HOST ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
	for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
		buf_printf(&b, "%s\"sha256:" HEX64 "\"", i ? "," : "");
	buf_puts(&b, "]}}");
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(parse(b.data, &config, &err), -E2BIG);
	assert_int_equal(
		image_config_parse(b.data, (size_t)IMAGE_CONFIG_MAX + 1, &config, &err),
		-EFBIG);
}

/* The example of the image specification's text: ChainID(A) = A, then of the pair. */
static void test_chain_id(void **state)
{
	char lowest[DIGEST_MAX], upper[DIGEST_MAX], by_hand[DIGEST_MAX];

	image_chain_id(NULL, "sha256:" HEX64, lowest);
	assert_string_equal(lowest, "sha256:" HEX64);
	image_chain_id(lowest, "sha256:" HEX64, upper);
	hash_of("sha256:" HEX64 " sha256:" HEX64, 2 * 71 + 1, by_hand);
	assert_string_equal(upper, by_hand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_null_and_absent),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many_layers),
		cmocka_unit_test(test_chain_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
