/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sample {
	const char *config, *work_dir;
	strv hosts;
	bool is_loud;
	uint32_t count;
};

static const struct option_spec options[] = {
	{ "config", .arg = "FILE", .set = option_string,
		.offset = offsetof(struct sample, config), .help = "The file" },
	{ "work-dir", .arg = "DIR", .set = option_string,
		.offset = offsetof(struct sample, work_dir), .help = "The place" },
	{ "host", .arg = "NAME", .set = option_strv,
		.offset = offsetof(struct sample, hosts), .help = "A host" },
	{ "loud", .set = option_bool, .offset = offsetof(struct sample, is_loud),
		.help = "Shout" },
	{ "count", .arg = "N", .set = option_u32,
		.offset = offsetof(struct sample, count), .help = "So often" },
	{ 0 },
};
static const struct option_group groups[] = { { options }, { 0 } };
static const struct sample defaults = { .count = 7, .work_dir = "/default" };
static const struct verb_spec verb = {
	.name = "sample",
	.groups = groups,
	.options_size = sizeof(struct sample),
	.defaults = &defaults,
};

struct fixture {
	char path[64], file[80];
	struct sample sample;
	struct settings settings;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)close(unit_tmpdir(f->path));
	(void)snprintf(f->file, sizeof(f->file), "%s/config.json", f->path);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	options_free(&verb, &f->sample);
	settings_done(&f->settings);
	f->err = (struct err){ 0 };
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	forget(f);
	(void)unlink(f->file);
	(void)rmdir(f->path);
	free(f);
	return 0;
}

static void write_file(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->file, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int load(struct fixture *f, char **argv, char *const *environment)
{
	static const char *const not_in_file[] = { "config", NULL };
	const struct settings_spec spec = { &verb, "SAMPLE_", f->file, not_in_file };

	forget(f);
	return settings_load(&spec, (int)strv_len(argv), (char **)(uintptr_t)argv,
		environment, &f->sample, &f->settings, &f->err);
}

#define WORDS(...) ((char **)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })
#define NOTHING WORDS(NULL)

static void test_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, WORDS("sample"), NOTHING), 0);
	assert_string_equal(f->sample.work_dir, "/default");
	assert_int_equal(f->sample.count, 7);
	assert_int_equal(load(f, WORDS("sample", "--help"), WORDS("SAMPLE_COUNT=wrong")),
		OPTIONS_HELP);
}

static void test_order(void **state)
{
	struct fixture *f = *state;

	write_file(f,
		"{\"work_dir\":\"/file\",\"count\":3,\"host\":[\"a\",\"b\"],\"loud\":true}");
	assert_int_equal(load(f, WORDS("sample"), NOTHING), 0);
	assert_string_equal(f->sample.work_dir, "/file");
	assert_int_equal(f->sample.count, 3);
	assert_true(f->sample.is_loud);
	assert_int_equal(strv_len(f->sample.hosts), 2);

	assert_int_equal(load(f, WORDS("sample"),
				 WORDS("SAMPLE_WORK_DIR=/env", "SAMPLE_HOST=c", "OTHER=x",
					 "SAMPLE_LOUD=false")),
		0);
	assert_string_equal(f->sample.work_dir, "/env");
	assert_false(f->sample.is_loud);
	assert_int_equal(strv_len(f->sample.hosts), 1);
	assert_string_equal(f->sample.hosts[0], "c");

	assert_int_equal(
		load(f, WORDS("sample", "--work-dir", "/flag", "--host=d", "--host", "e"),
			WORDS("SAMPLE_WORK_DIR=/env", "SAMPLE_HOST=c")),
		0);
	assert_string_equal(f->sample.work_dir, "/flag");
	assert_int_equal(strv_len(f->sample.hosts), 2);
	assert_string_equal(f->sample.hosts[1], "e");
	assert_int_equal(f->sample.count, 3);
}

static void test_which_file(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *variable = str_printf("SAMPLE_CONFIG=%s", f->file);
	const struct settings_spec none = { &verb, "SAMPLE_", NULL, NULL };

	write_file(f, "{\"count\":4}");
	forget(f);
	assert_int_equal(settings_load(&none, 1, WORDS("sample"), WORDS(variable),
				 &f->sample, &f->settings, &f->err),
		0);
	assert_int_equal(f->sample.count, 4);
	forget(f);
	assert_int_equal(settings_load(&none, 3, WORDS("sample", "--config", f->file),
				 NOTHING, &f->sample, &f->settings, &f->err),
		0);
	assert_int_equal(f->sample.count, 4);
	/* One that was named must be there. */
	assert_int_equal(
		load(f, WORDS("sample", "--config=/nowhere/x"), NOTHING), -ENOENT);
	assert_non_null(strstr(f->err.text, "/nowhere/x"));
}

static void refused(struct fixture *f, const char *text, const char *word)
{
	write_file(f, text);
	assert_int_equal(load(f, WORDS("sample"), NOTHING), -EINVAL);
	if (!strstr(f->err.text, word) || !strstr(f->err.text, f->file))
		fail_msg("%s: %s", text, f->err.text);
}

static void test_wrong_files(void **state)
{
	struct fixture *f = *state;

	refused(f, "{\"count\":\"many\"}", "--count");
	refused(f, "{\"count\":-1}", "--count");
	refused(f, "{\"wrk_dir\":\"x\"}", "work-dir");
	refused(f, "{\"zzz\":1}", "no setting");
	refused(f, "{\"help\":true}", "no setting");
	refused(f, "{\"work_dir\":{}}", "want a string");
	refused(f, "{\"work_dir\":[\"a\"]}", "want a string");
	refused(f, "{\"host\":[\"a\",{}]}", "want a string");
	refused(f, "{\"work_dir\":\"a\\u0000b\"}", "want a string");
	refused(f, "{\"config\":\"other\"}", "not for a file");
	refused(f, "[]", "want an object");
	refused(f, "{", "config.json");
}

static void test_wrong_environment(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, WORDS("sample"), WORDS("SAMPLE_COUNT=x")), -EINVAL);
	assert_non_null(strstr(f->err.text, "SAMPLE_COUNT"));
	assert_int_equal(load(f, WORDS("sample"), WORDS("SAMPLE_COUT=3")), -EINVAL);
	assert_non_null(strstr(f->err.text, "SAMPLE_COUT"));
	/* What the command line decides is not looked at. */
	assert_int_equal(
		load(f, WORDS("sample", "--count=1"), WORDS("SAMPLE_COUNT=x")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_which_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_wrong_environment, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
