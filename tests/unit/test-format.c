/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/json.h"
#include "ucrctl/format.h"
#include "ucrctl/json-field.h"

#include <errno.h>

struct row {
	const char *id, *name;
	int count; /* negative: unknown */
};

static void put_id(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_printf(out, "%.*s", style->is_full ? 64 : 3, r->id);
}

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->name);
}

static void put_count(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	if (r->count >= 0)
		buf_printf(out, "%d", r->count);
}

static const struct format_column columns[] = {
	{ "ID", "THING ID", put_id },
	{ "Name", "NAME", put_name },
	{ "Count", "COUNT", put_count, .is_number = true },
	{ 0 },
};

static const struct row rows[] = {
	{ "abcdef", "one", 7 },
	{ "123456", "größer \"x\"", -1 },
	{ "fedcba", "bad\033[31m", 0 },
};

/* Prints the rows and compares. */
static void check(
	const struct format_options *options, size_t count, const char *expected)
{
	cleanup_format struct format f = { 0 };
	cleanup_buf struct buf out = BUF_INIT;
	struct err err = { 0 };

	assert_int_equal(format_init(&f, columns, options,
				 "table {{.ID}}\t{{.Name}}\t{{.Count}}", "{{.ID}}", &err),
		0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(format_row(&f, &rows[i], &out, &err), 0);
	assert_int_equal(format_finish(&f, &out, &err), 0);
	assert_int_equal(buf_finish(&out), 0);
	assert_string_equal(out.data, expected);
}

static void refuse(const char *format, const char *text, const char *hint)
{
	struct format_options options = { .format = format };
	cleanup_format struct format f = { 0 };
	struct err err = { 0 };

	assert_true(format_init(&f, columns, &options, "", "", &err) < 0);
	assert_string_equal(err.text, text);
	assert_non_null(strstr(err.hint, hint));
}

static void test_table(void **state)
{
	check(&(struct format_options){ 0 }, 3,
		"THING ID   NAME          COUNT\n"
		"abc        one           7\n"
		"123        größer \"x\"\n"
		"fed        bad\\x1b[31m   0\n");
	check(&(struct format_options){ 0 }, 0, "THING ID   NAME   COUNT\n");
	check(&(struct format_options){ .format = "table {{.Name}}={{.Count}}" }, 1,
		"NAME=COUNT\none=7\n");
	check(&(struct format_options){ .format = "table", .is_full = true }, 1,
		"THING ID   NAME   COUNT\nabcdef     one    7\n");
}

static void test_quiet(void **state)
{
	check(&(struct format_options){ .is_quiet = true }, 2, "abc\n123\n");
	check(&(struct format_options){ .is_quiet = true, .is_full = true }, 1,
		"abcdef\n");
	check(&(struct format_options){ .is_quiet = true }, 0, "");
}

static void test_template(void **state)
{
	check(&(struct format_options){ .format = "{{.ID}}\\t{{ .Name }}\\n" }, 1,
		"abc\tone\n\n");
	check(&(struct format_options){ .format = "{{json .Name}} {{json .Count}}" }, 2,
		"\"one\" 7\n\"größer \\\"x\\\"\" null\n");
	check(&(struct format_options){ .format = "{{json .}}" }, 1,
		"{\"ID\":\"abc\",\"Name\":\"one\",\"Count\":7}\n");
	check(&(struct format_options){ .format = "plain" }, 1, "plain\n");
}

static void test_json(void **state)
{
	check(&(struct format_options){ .format = "json" }, 2,
		"{\"ID\":\"abc\",\"Name\":\"one\",\"Count\":7}\n"
		"{\"ID\":\"123\",\"Name\":\"größer \\\"x\\\"\",\"Count\":null}\n");
}

static void test_refusals(void **state)
{
	refuse("{{.Nmae}}", "--format: there is no field .Nmae",
		"the fields are .ID .Name .Count");
	refuse("{{.Name.First}}", "--format: there is no field .Name.First", ".Name");
	refuse("{{.Name", "--format: \"{{\" without \"}}\"", "");
	refuse("{{range .}}", "--format: {{range .}} is not understood", "jq");
	refuse("{{}}", "--format: {{}} is not understood", "jq");
	refuse("{{.}}", "--format: there is no field .", ".ID");
	refuse("{{..}}", "--format: {{..}} is not understood", "jq");
	refuse("{{Name}}", "--format: {{Name}} is not understood", "{{json .}}");
	refuse("{{index .Name}}", "--format: {{index .Name}} is not understood", "");
	refuse("{{index .Name \"x}}", "--format: {{index .Name \"x}} is not understood",
		"");
}

static const char document[] =
	"{\"State\":{\"Pid\":12,\"Running\":true,\"Error\":null},"
	"\"Labels\":{\"a.b\":\"c\\u001b\"},\"Env\":[\"A=1\",\"B=2\"]}";

static int lookup(const char *format, struct buf *out, struct err *err)
{
	cleanup_template struct template template = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	int r;

	assert_int_equal(json_parse(document, strlen(document), &doc, err), 0);
	assert_int_equal(template_parse(format, &template, err), 0);
	r = template_apply(&template, json_field_put, (void *)json_root(doc), out, err);
	assert_int_equal(buf_finish(out), 0);
	return r;
}

static void test_document(void **state)
{
	static const struct {
		const char *format, *expected;
	} cases[] = {
		{ "{{.State.Pid}}", "12" },
		{ "{{.State.Running}} {{.State.Error}}", "true null" },
		{ "{{json .State}}", "{\"Pid\":12,\"Running\":true,\"Error\":null}" },
		{ "{{index .Labels \"a.b\"}}", "c\\x1b" },
		{ "{{json .Labels}}", "{\"a.b\":\"c\\u001b\"}" },
		{ "{{index .Env 1}}", "B=2" },
		{ "{{.Env}}", "[\"A=1\",\"B=2\"]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT;
		struct err err = { 0 };

		assert_int_equal(lookup(cases[i].format, &out, &err), 0);
		assert_string_equal(out.data, cases[i].expected);
	}
}

static void test_document_absent(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct err err = { 0 };

	assert_int_equal(lookup("{{.State.Pod}}", &out, &err), -EINVAL);
	assert_string_equal(err.text, "there is no field .State.Pod");
	assert_string_equal(err.hint, "beside it there are .Pid .Running .Error");
	assert_int_equal(lookup("{{index .Env 2}}", &out, &err), -EINVAL);
	assert_int_equal(lookup("{{.State.Pid.X}}", &out, &err), -EINVAL);
}

static void put_list(const void *row, const struct format_style *style, struct buf *out)
{
	buf_printf(out, "{\"name\":[%d,\"\\u001b\"]}", ((const struct row *)row)->count);
}

/* A value that is JSON stays it, in JSON and in a template. */
static void test_json_column(void **state)
{
	static const struct format_column with_list[] = {
		{ "ID", "ID", put_id },
		{ "List", "LIST", put_list, .is_json = true },
		{ 0 },
	};
	static const struct {
		const char *format, *expected;
	} outputs[] = {
		{ "json", "{\"ID\":\"abc\",\"List\":{\"name\":[7,\"\\u001b\"]}}\n" },
		{ "{{json .List}}", "{\"name\":[7,\"\\u001b\"]}\n" },
		{ "{{.List}}", "{\"name\":[7,\"\\u001b\"]}\n" },
	};

	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		const struct format_options options = { .format = outputs[i].format };
		cleanup_format struct format f = { 0 };
		cleanup_buf struct buf out = BUF_INIT;

		assert_int_equal(format_init(&f, with_list, &options, "", "", NULL), 0);
		assert_int_equal(format_row(&f, &rows[0], &out, NULL), 0);
		assert_int_equal(format_finish(&f, &out, NULL), 0);
		assert_int_equal(buf_finish(&out), 0);
		assert_string_equal(out.data, outputs[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_document_absent),
		cmocka_unit_test(test_json_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
