/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/options.h"
#include "common/str.h"

#include <errno.h>

struct limits {
	uint64_t memory, timeout;
	int64_t pids;
};

struct sample {
	bool is_loud, is_interactive;
	const char *name;
	strv env;
	unsigned int color;
	uint32_t count;
	struct limits limits;
};

static const char *const colors[] = { "never", "always", "auto", NULL };

static const struct option_spec sample_options[] = {
	{ "loud", 'l', .set = option_bool, .offset = offsetof(struct sample, is_loud),
		.help = "Shout" },
	{ "interactive", 'i', .set = option_bool,
		.offset = offsetof(struct sample, is_interactive), .help = "Listen" },
	{ "name", .arg = "NAME", .set = option_name,
		.offset = offsetof(struct sample, name), .help = "Call it NAME" },
	{ "env", 'e', .arg = "KEY=VALUE", .set = option_strv,
		.offset = offsetof(struct sample, env), .help = "Set a variable" },
	{ "color", .arg = "WHEN", .set = option_choice, .param = colors,
		.offset = offsetof(struct sample, color), .help = "Use colour" },
	{ "count", .arg = "N", .set = option_u32,
		.offset = offsetof(struct sample, count), .help = "So often" },
	{ "hyper", 'h', .arg = "X", .set = option_u32, .is_hidden = true,
		.offset = offsetof(struct sample, count), .help = "Takes -h for itself" },
	{ 0 },
};

static const struct option_spec limit_options[] = {
	{ "memory", 'm', .arg = "SIZE", .set = option_bytes,
		.offset = offsetof(struct limits, memory), .help = "At most SIZE" },
	{ "timeout", 't', .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct limits, timeout),
		.help = "Give up after TIME" },
	{ "pids", .arg = "N", .set = option_i64, .offset = offsetof(struct limits, pids),
		.help = "At most N" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ sample_options },
	{ limit_options, offsetof(struct sample, limits), "Limits" },
	{ 0 },
};

static const struct sample defaults = { .color = 2, .limits.timeout = 10000 };

static const struct verb_spec verb_run = {
	.name = "run",
	.section = "Doing",
	.summary = "Run a thing",
	.text = "One.\n\nA line that is so long that it has to be broken somewhere before it "
		"reaches the edge.",
	.args = "THING [WORD...]",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.stops_early = true,
	.groups = groups,
	.options_size = sizeof(struct sample),
	.defaults = &defaults,
};

static const struct verb_spec verb_rm = {
	.name = "rm",
	.section = "Doing",
	.summary = "Remove a thing",
	.args = "THING",
	.args_min = 1,
	.args_max = 1,
	.groups = groups,
	.options_size = sizeof(struct sample),
};

static const struct verb_spec verb_hidden = {
	.name = "hidden",
	.section = "Secret",
	.summary = "Not to be seen",
	.is_hidden = true,
};

static const struct verb_spec *const verbs[] = { &verb_run, &verb_rm, &verb_hidden,
	NULL };
static const struct program_spec program = {
	.name = "prog",
	.summary = "Do things",
	.verbs = verbs,
};

/* Parses a command line written as one string. */
struct line {
	char text[512];
	char *argv[32];
	char **args;
	struct sample sample;
	struct err err;
};

static int parse(struct line *l, const struct verb_spec *verb, const char *text)
{
	char *save = NULL;
	int argc = 0;

	memset(l, 0, sizeof(*l));
	strncpy(l->text, text, sizeof(l->text) - 1);
	for (char *w = strtok_r(l->text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		l->argv[argc++] = w;
	return options_parse(verb, argc, l->argv, &l->sample, &l->args, &l->err);
}

static void refuse(const struct verb_spec *verb, const char *text, const char *message)
{
	struct line l;

	assert_true(parse(&l, verb, text) < 0);
	assert_string_equal(l.err.text, message);
	assert_true(l.err.code > 0);
	options_free(verb, &l.sample);
}

static void test_values(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, &verb_run,
				 "run -li --name=web -e A=1 --env B=2 --color never "
				 "-m 1.5g --pids -1 thing --loud=false"),
		0);
	assert_true(l.sample.is_loud);
	assert_true(l.sample.is_interactive);
	assert_string_equal(l.sample.name, "web");
	assert_int_equal(strv_len(l.sample.env), 2);
	assert_string_equal(l.sample.env[1], "B=2");
	assert_int_equal(l.sample.color, 0);
	assert_true(l.sample.limits.memory == 1536ULL << 20);
	assert_true(l.sample.limits.pids == -1);
	assert_int_equal(l.sample.limits.timeout, 10000);
	assert_string_equal(l.args[0], "thing");
	assert_string_equal(l.args[1], "--loud=false");
	assert_null(l.args[2]);
	options_free(&verb_run, &l.sample);
	assert_null(l.sample.env);
}

static void test_bool_words(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, &verb_rm, "rm --loud=true --interactive=0 x"), 0);
	assert_true(l.sample.is_loud);
	assert_false(l.sample.is_interactive);
	refuse(&verb_rm, "rm --loud=maybe x",
		"--loud: \"maybe\" is neither true nor false");
}

static void test_permutes(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, &verb_rm, "rm x --loud"), 0);
	assert_true(l.sample.is_loud);
	assert_string_equal(l.args[0], "x");
	assert_int_equal(parse(&l, &verb_rm, "rm -- --loud"), 0);
	assert_string_equal(l.args[0], "--loud");
}

static void test_bad_values(void **state)
{
	refuse(&verb_run, "run -m 12x thing",
		"--memory: \"12x\" is not a size (use for example 64m or 1.5g)");
	refuse(&verb_run, "run --memory 99999999999999999999 thing",
		"--memory: \"99999999999999999999\" is out of range (use for example 64m or 1.5g)");
	refuse(&verb_run, "run --color blue thing",
		"--color: \"blue\" is not one of never, always, auto");
	refuse(&verb_run, "run --count -1 thing",
		"--count: \"-1\" is not a number (0 to 4294967295)");
	refuse(&verb_run, "run -t soon thing",
		"--timeout: \"soon\" is not a time (use for example 10, 1.5s or 2m)");
	refuse(&verb_run, "run --name a/b thing",
		"--name: \"a/b\" is not a name (letters, digits, \"_\", \"-\", \".\")");
	refuse(&verb_run, "run --name --force thing",
		"--name: \"--force\" begins with \"-\": other verbs would take it for an option");
	/* What was appended before the failure is the caller's to free; refuse() does. */
	refuse(&verb_run, "run -e A=1 --pids many thing",
		"--pids: \"many\" is not a number (use for example 100 or -1)");
}

static void test_unknown(void **state)
{
	refuse(&verb_run, "run --memroy 1m thing",
		"unknown option --memroy (did you mean --memory?)");
	refuse(&verb_run, "run --memroy=1m thing",
		"unknown option --memroy=1m (did you mean --memory?)");
	refuse(&verb_run, "run --quux thing", "unknown option --quux");
	refuse(&verb_run, "run -lX thing", "unknown option -X");
	refuse(&verb_run, "run --mem 1m thing",
		"unknown option --mem (did you mean --memory?)");
	refuse(&verb_run, "run --mem=1m thing",
		"unknown option --mem=1m (did you mean --memory?)");
	/* An ambiguous beginning: --help, --hyper. */
	refuse(&verb_run, "run --h thing", "unknown option --h");
	refuse(&verb_run, "run --help=now thing", "--help takes no value");
	refuse(&verb_run, "run --memory", "--memory needs a value: --memory SIZE");
	refuse(&verb_run, "run -m", "--memory needs a value: --memory SIZE");
}

static void test_counts(void **state)
{
	refuse(&verb_run, "run", "nothing was named: give THING [WORD...]");
	refuse(&verb_rm, "rm a b", "\"b\" is too much: give THING");
	refuse(&verb_hidden, "hidden a", "\"a\" is too much: no argument is expected");
}

static void test_help(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct line l;

	assert_int_equal(parse(&l, &verb_run, "run --help"), OPTIONS_HELP);
	assert_int_equal(parse(&l, &verb_hidden, "hidden -h"), OPTIONS_HELP);
	/* An option of the verb goes before the built-in one. */
	assert_int_equal(parse(&l, &verb_run, "run -h 7 thing"), 0);
	assert_int_equal(l.sample.count, 7);
	assert_int_equal(parse(&l, &verb_run, "run thing --help"), 0);

	verb_help(&program, &verb_run, &out);
	assert_int_equal(buf_finish(&out), 0);
	assert_non_null(
		strstr(out.data, "Usage: prog run [OPTION...] THING [WORD...]\n"));
	assert_non_null(strstr(out.data, "  -m, --memory SIZE"));
	assert_non_null(strstr(out.data, "\nOne.\n\nA line that is so long "));
	assert_non_null(strstr(out.data, " before it reaches the\nedge.\n"));
	assert_non_null(strstr(out.data, "\nLimits:\n"));
	assert_null(strstr(out.data, "hyper"));

	buf_reset(&out);
	program_help(&program, &out);
	assert_int_equal(buf_finish(&out), 0);
	assert_non_null(strstr(out.data, "\nDoing:\n  run         Run a thing\n"));
	assert_null(strstr(out.data, "Secret"));
}

static int find(const char *word, struct err *err)
{
	char *argv[] = { (char *)"prog", (char *)word, NULL };
	const struct verb_spec *verb = NULL;
	char **rest;

	memset(err, 0, sizeof(*err));
	return program_parse(&program, 2, argv, NULL, &verb, &rest, err);
}

static void test_verbs(void **state)
{
	struct err err;

	assert_int_equal(find("run", &err), 0);
	assert_true(find("urn", &err) < 0);
	assert_string_equal(err.text, "there is no \"urn\" (did you mean \"run\"?)");
	assert_string_equal(err.hint, "\"prog help\" lists what there is");
	assert_true(find("mr", &err) < 0);
	assert_string_equal(err.text, "there is no \"mr\" (did you mean \"rm\"?)");
	assert_true(find("frobnicate", &err) < 0);
	assert_string_equal(err.text, "there is no \"frobnicate\"");
	assert_int_equal(find("--help", &err), OPTIONS_HELP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bool_words),
		cmocka_unit_test(test_permutes),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
