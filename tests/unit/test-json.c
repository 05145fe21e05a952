/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/json.h"
#include "common/str.h"

#include <errno.h>
#include <string.h>

static int parse(const char *text, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;

	return json_parse(text, strlen(text), &doc, err);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "premature EOF" },
		{ "{", "byte" },
		{ "[1,]", "byte" },
		{ "{\"a\":1,\"a\":2}", "twice" },
		{ "/* c */ 1", "byte" },
		{ "1 2", "byte" },
		{ "\"\\ud800\"", "half a character" },
		{ "\"\\udc00x\"", "half a character" },
		{ "\"\xc0\xaf\"", "byte" },
		{ "\"\xed\xa0\x80\"", "UTF-8" },
		{ "{\"a\\u0000b\":1}", "name" },
		{ "nul", "byte" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };

		assert_int_equal(parse(cases[i].text, &err), -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void test_many_keys_twice(void **state)
{
	struct err err = { 0 };

	assert_int_equal(
		parse("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
		      "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"b\":2}",
			&err),
		-EINVAL);
	assert_non_null(strstr(err.text, "twice"));
}

static void test_depth(void **state)
{
	char text[2 * (JSON_DEPTH_MAX + 1) + 1] = "";
	struct err err = { 0 };

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(parse(text, &err), 0);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	assert_int_equal(parse(text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "deeply"));
}

struct inner {
	uint32_t limit;
};

struct outer {
	char *name;
	strv list, map;
	bool flag;
	int64_t big;
	struct inner inner;
	struct {
		struct inner *items;
		size_t count;
	} many;
};

static const struct json_field inner_fields[] = {
	{ "limit", json_u32, offsetof(struct inner, limit), true, NULL },
	{ NULL },
};

static const struct json_array_of inner_array = { sizeof(struct inner), inner_fields,
	NULL };

static const struct json_field outer_fields[] = {
	{ "name", json_string, offsetof(struct outer, name), true, NULL },
	{ "list", json_strv, offsetof(struct outer, list), false, NULL },
	{ "map", json_string_map, offsetof(struct outer, map), false, NULL },
	{ "flag", json_bool, offsetof(struct outer, flag), false, NULL },
	{ "big", json_i64, offsetof(struct outer, big), false, NULL },
	{ "inner", json_object, offsetof(struct outer, inner), false, inner_fields },
	{ "many", json_array, offsetof(struct outer, many), false, &inner_array },
	{ NULL },
};

static void outer_done(struct outer *o)
{
	free(o->name);
	strv_free(o->list);
	strv_free(o->map);
	free(o->many.items);
}

static int decode(const char *text, struct outer *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;

	assert_int_equal(json_parse(text, strlen(text), &doc, err), 0);
	return json_decode(json_root(doc), outer_fields, ret, err);
}

static void test_there_and_back(void **state)
{
	static const char text[] =
		"{\"name\":\"\\u00e9\\n\",\"list\":[\"a\",\"b\"],\"map\":{\"k\":\"v=w\"},"
		"\"flag\":true,\"big\":-9223372036854775808,\"inner\":{\"limit\":7},"
		"\"many\":[{\"limit\":0},{\"limit\":4294967295}]}";
	cleanup_with(outer_done) struct outer o = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	assert_int_equal(decode(text, &o, &err), 0);
	assert_string_equal(o.name, "\xc3\xa9\n");
	assert_string_equal(o.map[0], "k=v=w");
	assert_int_equal(o.many.count, 2);
	jw_object(&w, NULL);
	json_encode(&w, outer_fields, &o);
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_string_equal(b.data,
		"{\"name\":\"\xc3\xa9\\n\",\"list\":[\"a\",\"b\"],"
		"\"map\":{\"k\":\"v=w\"},\"flag\":true,"
		"\"big\":-9223372036854775808,\"inner\":{\"limit\":7},"
		"\"many\":[{\"limit\":0},{\"limit\":4294967295}]}");
}

static void test_errors_name_the_path(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "{}", "name is missing" },
		{ "{\"name\":null}", "name is missing" },
		{ "{\"name\":7}", "name must be a string" },
		{ "{\"name\":\"a\\u0000b\"}", "name must not hold a NUL character" },
		{ "{\"name\":\"x\",\"list\":[\"a\",1]}", "list[1] must be a string" },
		{ "{\"name\":\"x\",\"inner\":{\"limit\":-1}}",
			"inner.limit must be a whole number of 0 or more" },
		{ "{\"name\":\"x\",\"many\":[{\"limit\":1},{\"limit\":4294967296}]}",
			"many[1].limit is out of range: 4294967296" },
		{ "{\"name\":\"x\",\"big\":1.5}", "big must be a whole number" },
		{ "{\"name\":\"x\",\"big\":1e3}", "big must be a whole number" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_with(outer_done) struct outer o = { 0 };
		struct err err = { 0 };

		assert_true(decode(cases[i].text, &o, &err) < 0);
		assert_string_equal(err.text, cases[i].says);
	}
}

static void test_writer(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	w.is_pretty = true;
	jw_object(&w, NULL);
	jw_array(&w, "empty");
	jw_array_end(&w);
	jw_string(&w, "s", "\x01\"\\");
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_string_equal(b.data, "{\n  \"empty\": [],\n"
				    "  \"s\": \"\\u0001\\\"\\\\\"\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_keys_twice),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_errors_name_the_path),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
