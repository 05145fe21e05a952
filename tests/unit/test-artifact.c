/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/artifact.h"
#include "images/oci-document.h"

#include <errno.h>
#include <stdio.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BLOB(type, hex, size)                                                            \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" hex "\",\"size\":" size "}"
#define CONFIG BLOB("application/x-conf", HEX_A, "2")
#define DOCUMENT(more, config, layers)                                                   \
	"{\"schemaVersion\":2," more "\"config\":" config ",\"layers\":[" layers "]}"
#define HALF "4611686018427387904" /* of 2^63 */

static int parse(const char *text, struct artifact *ret, struct err *err)
{
	*ret = (struct artifact){ 0 };
	return artifact_parse(text, strlen(text), ret, err);
}

static void test_what_it_says(void **state)
{
	struct artifact artifact;
	struct err err = { 0 };

	assert_int_equal(parse(DOCUMENT("\"artifactType\":\"x/y\",", CONFIG,
				       BLOB("a", HEX_B, "5") "," BLOB("b", HEX_B, "5")),
				 &artifact, &err),
		0);
	assert_string_equal(artifact.type, "x/y");
	assert_int_equal(artifact.count, 3);
	assert_int_equal(artifact.size, 7);
	assert_string_equal(artifact.blobs[0].digest, "sha256:" HEX_A);
	assert_false(artifact_has_before(&artifact, 1));
	assert_true(artifact_has_before(&artifact, 2));
	artifact_done(&artifact);
	assert_int_equal(parse(DOCUMENT("", CONFIG, ""), &artifact, &err), 0);
	assert_string_equal(artifact.type, "application/x-conf");
	assert_int_equal(artifact.count, 1);
	artifact_done(&artifact);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ DOCUMENT("",
			  BLOB("application/vnd.oci.image.config.v1+json", HEX_A, "2"),
			  ""),
			EINVAL },
		{ DOCUMENT("\"artifactType\":\"\",", CONFIG, ""), EINVAL },
		{ DOCUMENT("", "{\"digest\":\"sha256:" HEX_A "\",\"size\":2}", ""),
			EINVAL },
		{ DOCUMENT("", BLOB("c", HEX_A, "5000000"), ""), EFBIG },
		{ DOCUMENT("", BLOB("c", "zz", "2"), ""), ENOTSUP },
		{ DOCUMENT("", CONFIG, BLOB("a", HEX_A, "3")), EBADMSG },
		{ DOCUMENT("", CONFIG, BLOB("a", HEX_B, "9223372036854775808")), EFBIG },
		{ DOCUMENT("", CONFIG,
			  BLOB("a", HEX_B, HALF) "," BLOB("b",
				  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
				  HALF)),
			EFBIG },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", EINVAL },
		{ "{\"schemaVersion\":2,\"artifactType\":\"x\",\"layers\":[]}", EINVAL },
	};
	struct artifact artifact;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = { 0 };

		assert_int_equal(parse(rows[i].text, &artifact, &err), -rows[i].code);
		assert_true(*err.text);
	}
}

/* Its size is the record's, whose size is bounded. */
static void test_long_type(void **state)
{
	char type[ARTIFACT_TYPE_MAX + 2] = { 0 }, text[1024];
	struct artifact artifact;
	struct err err = { 0 };

	for (size_t len = ARTIFACT_TYPE_MAX; len < sizeof(type); len++) {
		memset(type, 'x', len);
		(void)snprintf(text, sizeof(text),
			DOCUMENT("\"artifactType\":\"%s\",", CONFIG, ""), type);
		assert_int_equal(parse(text, &artifact, &err),
			len == ARTIFACT_TYPE_MAX ? 0 : -E2BIG);
		artifact_done(&artifact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
