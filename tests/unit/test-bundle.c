/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/bundle.h"
#include "agentd/launch-group.h"

#include <stdio.h>
#include <string.h>

/* A specification for an image and options, or NULL with the error's text in `ret_text`. */
static struct bundle build(const struct image_config *config,
	const struct run_options *options, char *ret_text)
{
	struct image image = { .config = *config };
	struct bundle_request request = {
		.image = &image,
		.options = options,
		.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		.dir_path = "/dir",
		.init_path = "/init",
	};
	struct bundle bundle = { 0 };
	struct err err = { 0 };

	if (bundle_build(&request, &bundle, &err) < 0 && ret_text)
		(void)snprintf(ret_text, ERR_TEXT_MAX, "%s", err.text);
	return bundle;
}

/* The words of a vector with blanks between. */
static char *join(char *const *v)
{
	static char text[2048];

	text[0] = '\0';
	strv_each (s, v) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			*text ? " " : "", *s);
	}
	return text;
}

/* A vector of literals, which nobody writes to. */
#define V(...) ((char **)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })

static void test_args(void **state)
{
	const struct image_config image = { .entrypoint = V("entry", "e1"),
		.cmd = V("cmd") };
	const struct {
		struct run_options options;
		const char *want;
	} cases[] = {
		{ { 0 }, "entry e1 cmd" },
		{ { .command = V("x", "y") }, "entry e1 x y" },
		{ { .entrypoint = "sh" }, "sh" },
		{ { .entrypoint = "sh", .command = V("-c") }, "sh -c" },
		{ { .entrypoint = "", .command = V("x") }, "x" },
		{ { .entrypoint = "[\"a\",\"b\"]", .command = V("x") }, "a b x" },
		{ { .has_init = true }, "/dev/ucr-init -- entry e1 cmd" },
		{ { .holds_group = true, .command = V("x") }, "/dev/ucr-init --hold" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bundle bundle = build(&image, &cases[i].options, NULL);

		assert_non_null(bundle.spec);
		assert_string_equal(join(bundle.spec->process.args), cases[i].want);
		bundle_done(&bundle);
	}
}

/* From LAUNCH_GROUP_PLACE on all that it has mounted is the group's. */
static void test_holder(void **state)
{
	const struct image_config image = { 0 };
	const struct run_options options = {
		.holds_group = true, .tmpfs = V("/scratch"), .volumes = V("/srv:/data:ro")
	};
	static const char *const want[] = { LAUNCH_GROUP_PLACE, "/scratch", "/data" };
	struct bundle bundle = build(&image, &options, NULL);
	const struct spec_mounts *mounts;

	assert_non_null(bundle.spec);
	mounts = &bundle.spec->mounts;
	assert_true(mounts->count > 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			mounts->items[mounts->count - 3 + i].destination, want[i]);
	assert_string_equal(mounts->items[mounts->count - 3].source, "/dir/shared");
	bundle_done(&bundle);
}

static void test_nothing_to_run(void **state)
{
	const struct image_config image = { 0 };
	char text[ERR_TEXT_MAX];
	struct bundle bundle = build(&image, &(struct run_options){ 0 }, text);

	assert_null(bundle.spec);
	assert_non_null(strstr(text, "nothing to run"));
	bundle = build(&image, &(struct run_options){ .has_init = true }, text);
	assert_null(bundle.spec);
}

static void test_env(void **state)
{
	const struct image_config image = { .cmd = V("x"),
		.env = V("A=image", "B=image", "C=image", "D=image", "WEIRD") };
	struct run_options options = { .env = V("A=mine", "TAKEN", "B", "D=mine"),
		.env_removed = V("C", "D", "PATH"),
		.has_terminal = true,
		.hostname = "box" };
	struct bundle bundle;

	assert_int_equal(setenv("TAKEN", "from=here", 1), 0);
	assert_int_equal(unsetenv("B"), 0);
	bundle = build(&image, &options, NULL);
	assert_non_null(bundle.spec);
	assert_string_equal(strv_env_get(bundle.spec->process.env, "A"), "mine");
	assert_null(strv_env_get(bundle.spec->process.env, "B"));
	assert_string_equal(strv_env_get(bundle.spec->process.env, "TAKEN"), "from=here");
	assert_string_equal(strv_env_get(bundle.spec->process.env, "TERM"), "xterm");
	assert_string_equal(strv_env_get(bundle.spec->process.env, "HOSTNAME"), "box");
	assert_null(strv_env_get(bundle.spec->process.env, "C"));
	assert_string_equal(strv_env_get(bundle.spec->process.env, "D"), "mine");
	assert_null(strv_env_get(bundle.spec->process.env, "PATH"));
	bundle_done(&bundle);
}

static void test_caps(void **state)
{
	const struct image_config image = { .cmd = V("x") };
	const struct {
		struct run_options options;
		const char *want;
	} cases[] = {
		{ { .cap_drop = V("ALL") }, "" },
		{ { .cap_drop = V("all"), .cap_add = V("net_raw", "CAP_KILL") },
			"CAP_NET_RAW CAP_KILL" },
		{ { .cap_drop = V("chown", "kill", "setuid", "setgid", "setpcap",
			    "fowner", "fsetid") },
			"CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE" },
	};
	struct bundle bundle;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bundle = build(&image, &cases[i].options, NULL);
		assert_non_null(bundle.spec);
		assert_true(bundle.spec->process.capabilities.is_set);
		assert_string_equal(
			join(bundle.spec->process.capabilities.bounding), cases[i].want);
		assert_null(bundle.spec->process.capabilities.inheritable);
		assert_null(bundle.spec->process.capabilities.ambient);
		bundle_done(&bundle);
	}
	bundle = build(&image, &(struct run_options){ .cap_add = V("ALL") }, NULL);
	assert_true(strv_len(bundle.spec->process.capabilities.bounding) > 35);
	bundle_done(&bundle);
}

static const struct spec_mount *find_mount(
	const struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts.count; i++) {
		if (str_eq(spec->mounts.items[i].destination, destination))
			return &spec->mounts.items[i];
	}
	return NULL;
}

static void test_volumes(void **state)
{
	const struct image_config image = { .cmd = V("x"),
		.volumes = V("/data", "/v", "../x") };
	struct run_options options = { .volumes = V("/usr/:/v:ro,noexec"),
		.tmpfs = V("/t:size=1m"),
		.is_read_only = true };
	struct bundle bundle = build(&image, &options, NULL);
	const struct spec_mount *m;

	assert_non_null(bundle.spec);
	m = find_mount(bundle.spec, "/v");
	assert_non_null(m);
	assert_string_equal(m->source, "/usr");
	assert_string_equal(join(m->options), "rbind ro noexec rprivate");
	assert_string_equal(find_mount(bundle.spec, "/t")->type, "tmpfs");
	assert_string_equal(find_mount(bundle.spec, "/data")->type, "tmpfs");
	assert_null(find_mount(bundle.spec, "../x"));
	assert_true(bundle.spec->root.readonly);
	bundle_done(&bundle);
}

/* An image says words, never anything about the host (D22). */
static void test_hostile_image(void **state)
{
	const struct image_config image = { .cmd = V("x"),
		.volumes = V("/etc"),
		.stop_signal = (char *)"SIGNONSENSE",
		.working_dir = (char *)"relative",
		.labels = V("run.oci.handler=krun", "org.ucr.x=1", "fine=1") };
	struct bundle bundle = build(&image, &(struct run_options){ 0 }, NULL);

	assert_non_null(bundle.spec);
	assert_string_equal(join(bundle.spec->annotations), "fine=1");
	assert_string_equal(bundle.stop_signal, "SIGTERM");
	assert_string_equal(bundle.spec->process.cwd, "/relative");
	assert_null(find_mount(bundle.spec, "/etc"));
	assert_true(bundle.spec->process.no_new_privileges);
	bundle_done(&bundle);
}

/* What a mount point of an image makes of a volume of ours: a place by its name, never options,
 * never the place of a path, never one that the runtime relies on. */
static void test_hostile_mount_points(void **state)
{
	static const struct {
		const char *name, *path, *volume, *destination; /* NULL: refused */
	} cases[] = {
		{ "work", "/w", "/usr:work", "/w" },
		{ "work", "/w", "/usr:/x", "/x" },
		{ "work", "/w:suid,dev,shared", "/usr:work", NULL },
		{ "/v", "/etc:shared", "/usr:/v", "/v" },
		{ "/v", "/etc", "/usr:/v", "/v" },
		{ "work", "w", "/usr:work", NULL },
		{ "work", "/proc", "/usr:work", NULL },
		{ "work", "//dev/./pts", "/usr:work", NULL },
		{ "work", "/", "/usr:work", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct appc_mount_point point = { (char *)(uintptr_t)cases[i].name,
			(char *)(uintptr_t)cases[i].path, false };
		struct image_config image = { .cmd = V("x"),
			.appc = { .is_set = true, .mount_points = { &point, 1 } } };
		struct run_options options = { .volumes = V(cases[i].volume) };
		struct bundle bundle = build(&image, &options, NULL);

		assert_int_equal(bundle.spec != NULL, cases[i].destination != NULL);
		if (bundle.spec) {
			const struct spec_mount *m =
				find_mount(bundle.spec, cases[i].destination);

			assert_non_null(m);
			assert_string_equal(m->source, "/usr");
			assert_string_equal(join(m->options), "rbind rprivate");
		}
		bundle_done(&bundle);
	}
}

static void test_limits(void **state)
{
	const struct image_config image = { .cmd = V("x") };
	struct run_options options = { .memory = "64m",
		.cpus = "1.5",
		.pids_limit = "-1",
		.ulimits = V("nofile=5:6", "core=unlimited"),
		.stop_timeout = "1m" };
	struct bundle bundle = build(&image, &options, NULL);

	assert_non_null(bundle.spec);
	assert_int_equal(bundle.spec->linux_.resources.memory.limit.value, 64 << 20);
	assert_int_equal(bundle.spec->linux_.resources.cpu.quota.value, 150000);
	assert_int_equal(bundle.spec->linux_.resources.pids_limit.value, -1);
	assert_int_equal(bundle.spec->process.rlimits.items[0].hard, 6);
	assert_true(bundle.spec->process.rlimits.items[1].soft == UINT64_MAX);
	assert_int_equal(bundle.stop_timeout_ms, 60000);
	bundle_done(&bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_holder),
		cmocka_unit_test(test_nothing_to_run),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_hostile_image),
		cmocka_unit_test(test_hostile_mount_points),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
