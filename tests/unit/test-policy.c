/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/policy.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A vector of literals, which nobody writes to. */
#define V(...) ((char **)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })

static struct policy parse(const char *text)
{
	struct policy policy = { 0 };
	struct err err = { 0 };

	if (policy_parse(text, &policy, &err) < 0)
		fail_msg("%s", err.text);
	policy.usual_userns = "auto";
	return policy;
}

/* What can be asked for has a rule: whoever adds a member adds one. */
static void test_every_member_has_a_rule(void **state)
{
	const char *missing = policy_missing_rule();

	if (missing)
		fail_msg("agentd/policy-rules.c has no rule for %s", missing);
}

static void test_settings(void **state)
{
	static const struct {
		const char *text, *word;
	} wrong[] = {
		{ "[]", "object" },
		{ "{", "" },
		{ "{\"capabilites\":[]}", "capabilites" },
		{ "{\"capabilities\":\"ALL\"}", "capabilities" },
		{ "{\"host_paths\":[{\"path\":\"srv\"}]}", "srv" },
		{ "{\"host_paths\":[{\"path\":\"/a/../b\"}]}", "/a/../b" },
		{ "{\"host_paths\":[{\"path\":\"/a\",\"mode\":\"wr\"}]}", "wr" },
		{ "{\"host_paths\":[{\"mode\":\"rw\"}]}", "path" },
		{ "{\"host_paths\":[{\"path\":\"/a\",\"mode\":\"rw\"},{\"path\":\"/a/b\"}]}",
			"/a/b lies" },
		{ "{\"userns\":[\"none\"]}", "none" },
		{ "{\"users\":[\"2-1\"]}", "2-1" },
		{ "{\"ulimits\":[\"nofile\"]}", "nofile" },
		{ "{\"log_size\":\"much\"}", "much" },
		{ "{\"pids\":-1}", "pids" },
	};
	struct policy policy;
	struct err err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err = (struct err){ 0 };
		assert_true(policy_parse(wrong[i].text, &policy, &err) < 0);
		if (!strstr(err.text, wrong[i].word) ||
			strncmp(err.text, "policy", strlen("policy")) != 0)
			fail_msg("%s: %s", wrong[i].text, err.text);
	}
}

struct row {
	struct run_options run;
	const char *policy; /* that allows it; NULL: none does */
	const char *member; /* that the refusal begins with */
};

/* `fn` for each of what is not usual. */
static void each_row(void (*fn)(size_t i, const struct row *row))
{
	const struct row rows[] = {
		{ { .cap_add = V("NET_RAW") }, "{\"capabilities\":[\"CAP_NET_RAW\"]}",
			"cap_add" },
		{ { .cap_add = V("cap_sys_admin") }, "{\"capabilities\":[\"ALL\"]}",
			"cap_add" },
		{ { .cap_add = V("ALL") }, "{\"capabilities\":[\"ALL\"]}", "cap_add" },
		{ { .userns = "host", .user = "1000:1000" },
			"{\"userns\":[\"host\"],\"users\":[\"1000\"]}", "userns" },
		{ { .userns = "host", .user = "7:8" },
			"{\"userns\":[\"host\"],\"users\":[\"7-8\"]}", "userns" },
		{ { .devices = V("/dev/fuse") }, "{\"devices\":[\"/dev/fuse\"]}",
			"devices" },
		{ { .devices = V("/dev/kvm:/dev/x:r") },
			"{\"devices\":[\"/dev/kvm:rw\"]}", "devices" },
		{ { .sysctls = V("net.core.somaxconn=9") },
			"{\"sysctls\":[\"net.core.*\"]}", "sysctls" },
		{ { .sysctls = V("net/core/somaxconn=9") },
			"{\"sysctls\":[\"net.core.somaxconn\"]}", "sysctls" },
		{ { .ulimits = V("memlock=unlimited") },
			"{\"ulimits\":[\"memlock=unlimited\"]}", "ulimits" },
		{ { .devices = V("/dev/a:/dev/b") }, "{\"devices\":[\"/dev/a\"]}",
			"devices" },
		{ { .devices = V("/dev/a:rw") }, "{\"devices\":[\"/dev/a\"]}",
			"devices" },
		{ { .ulimits = V("nofile=2000000:unlimited") },
			"{\"ulimits\":[\"nofile=unlimited\"]}", "ulimits" },
		{ { .ulimits = V("nofile=1:2000000") },
			"{\"ulimits\":[\"nofile=2000000\"]}", "ulimits" },
		{ { .cgroup_parent = "/a/b" }, "{\"cgroup_parents\":[\"/a\"]}",
			"cgroup_parent" },
		{ { .security_opts = V("seccomp=unconfined") },
			"{\"seccomp_unconfined\":true}", "security_opts" },
		{ { .security_opts = V("apparmor=\"x\"\\") },
			"{\"apparmor\":[\"\\\"x\\\"\\\\\"]}", "security_opts" },
		{ { .security_opts = V("apparmor=x") }, "{\"apparmor\":[\"x\"]}",
			"security_opts" },
		{ { .security_opts = V("no-new-privileges=false") },
			"{\"new_privileges\":true}", "security_opts" },
		{ { .may_gain_privileges = true }, "{\"new_privileges\":true}",
			"may_gain_privileges" },
		{ { .pids_limit = "0" }, NULL, "pids_limit: tasks have a limit" },
		{ { .pids_limit = "-1" }, NULL, "pids_limit: tasks have a limit" },
		{ { .pids_limit = "-2" }, NULL, "pids_limit: tasks have a limit" },
		{ { .pids_limit = "many" }, NULL, "pids_limit: many: want" },
		{ { .pids_limit = "4294967296" }, NULL, "pids_limit: 4294967296: want" },
		{ { .pids_limit = "40000" }, "{\"pids\":50000}", "pids_limit" },
		{ { .log_max_size = "2g" }, "{\"log_size\":\"6g\"}", "log_max_size" },
		{ { .log_max_size = "1025m", .log_max_files = "20" },
			"{\"log_size\":\"30g\"}", "log_max_size" },
		{ { .volumes = V("/:/x:ro") }, "{\"host_paths\":[{\"path\":\"/\"}]}",
			"volumes" },
		{ { .volumes = V("/tmp:/x") },
			"{\"host_paths\":[{\"path\":\"/tmp\",\"mode\":\"rw\"}]}",
			"volumes" },
		{ { .volumes = V("/tmp/.:/x:rw") },
			"{\"host_paths\":[{\"path\":\"/tmp\",\"mode\":\"rw\"}]}",
			"volumes" },
		/* What no policy gives out. */
		{ { .ulimits = V("nofile") }, NULL, "ulimits: nofile: want" },
		{ { .ulimits = V("nofile=1:many") }, NULL,
			"ulimits: nofile=1:many: want" },
		{ { .userns = "own" }, NULL, "userns: own: want" },
		{ { .env = V("HOME") }, NULL, "env" },
		{ { .env = V("=x") }, NULL, "env" },
		{ { .uris = V("/etc/shadow") }, NULL, "uris" },
		{ { .uris = V("file:///etc/shadow") }, NULL, "uris" },
		{ { .security_opts = V("seccomp=/etc/passwd") }, NULL, "security_opts" },
		{ { .security_opts = V("label=disable") }, NULL, "security_opts" },
		{ { .labels = V("org.ucr.x=1") }, NULL, "labels" },
		{ { .volumes = V("/tmp:/x:shared") }, NULL, "volumes" },
		{ { .volumes = V("/tmp:/x:suid") }, NULL, "volumes" },
		{ { .volumes = V("relative/path:/x") }, NULL, "volumes" },
		{ { .volumes = V("/tmp:name") }, NULL, "volumes" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fn(i, &rows[i]);
}

/* Adds what a hint says to write to the members of a policy. */
static void obey(const char *hint, char *members, size_t room)
{
	static const char before[] = "\"policy\": {";
	const char *at = strstr(hint, before), *end = strrchr(hint, '}');
	size_t len = strlen(members);

	if (!at || !end)
		fail_msg("no policy in \"%s\"", hint);
	at += strlen(before);
	(void)snprintf(members + len, room - len, "%s%.*s", len ? ", " : "",
		(int)(end - at), at);
}

/* What has several reasons to be refused is told one after the other. */
static void check_hints(size_t i, const struct run_options *run)
{
	char members[1024] = "", text[1040];
	struct err err = { 0 };
	int r = -EACCES;

	for (int k = 0; r == -EACCES && k < 3; k++) {
		struct policy policy;

		(void)snprintf(text, sizeof(text), "{%s}", members);
		policy = parse(text);
		r = policy_check(&policy, run, &err);
		policy_done(&policy);
		if (r == -EACCES)
			obey(err.hint, members, sizeof(members));
	}
	if (r != 0)
		fail_msg("row %zu: %d %s: %s with %s", i, r, err.text, err.hint, text);
}

/* By the defaults, and the refusal says what to write. */
static void refuse_row(size_t i, const struct row *row)
{
	struct policy tight = parse(NULL);
	struct err err = { 0 };
	int r = policy_check(&tight, &row->run, &err);

	policy_done(&tight);
	if (r >= 0 || strncmp(err.text, row->member, strlen(row->member)) != 0)
		fail_msg("row %zu: %d %s", i, r, err.text);
	if (row->policy)
		check_hints(i, &row->run);
}

static void test_refusals(void **state)
{
	each_row(refuse_row);
}

static void test_no_nesting(void **state)
{
	const struct run_options run = { .has_nesting = true };
	struct policy usual = parse(NULL), strict = parse("{\"no_nesting\":true}");
	struct err err = { 0 };

	assert_int_equal(policy_check(&usual, &run, &err), 0);
	assert_int_equal(policy_check(&strict, &run, &err), -EACCES);
	assert_string_equal(err.text,
		"has_nesting: true is not allowed by policy.no_nesting of this agent");
	assert_non_null(strstr(err.hint, "\"policy\": {\"no_nesting\": false}"));
	policy_done(&usual);
	policy_done(&strict);
}

static void allow_row(size_t i, const struct row *row)
{
	struct policy policy;
	struct err err = { 0 };

	if (!row->policy)
		return;
	policy = parse(row->policy);
	if (policy_check(&policy, &row->run, &err) < 0)
		fail_msg("row %zu: %s", i, err.text);
	policy_done(&policy);
}

static void test_shm_of_a_group(void **state)
{
	const struct row rows[] = {
		{ { .holds_group = true, .shm_size = "2g" }, "{\"shm_size\":\"2g\"}",
			"shm_size" },
	};

	refuse_row(0, &rows[0]);
	allow_row(0, &rows[0]);
}

static void test_allowances(void **state)
{
	each_row(allow_row);
}

/* Half an example would not be read. */
static void test_long_hint(void **state)
{
	cleanup_free char *volume = str_printf("/%0300d:/x:ro", 1);
	struct policy tight = parse(NULL);
	struct err err = { 0 };

	assert_int_equal(
		policy_check(&tight, &(struct run_options){ .volumes = V(volume) }, &err),
		-EACCES);
	assert_non_null(strstr(err.hint, "policy.host_paths"));
	assert_null(strchr(err.hint, '{'));
	assert_true(strlen(err.hint) < sizeof(err.hint) - 1);
	policy_done(&tight);
}

static void test_usual(void **state)
{
	const struct run_options usual[] = {
		{ 0 },
		{ .cap_drop = V("ALL"), .cap_add = V("chown", "CAP_KILL") },
		{ .env = V("A=b"), .uris = V("https://h/x"), .labels = V("a=b") },
		{ .ulimits = V("nofile=1024:4096", "core=unlimited") },
		{ .pids_limit = "100", .user = "0", .userns = "auto" },
		{ .security_opts = V("no-new-privileges") },
		{ .volumes = V("data:/data", "data:/d:ro,role=x") },
	};
	struct policy tight = parse(NULL);
	struct err err;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (policy_check(&tight, &usual[i], &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
	}
	policy_done(&tight);
}

/* What the image says of a user, as its groups, is not believed. */
static void test_host_ids(void **state)
{
	const struct {
		const char *user;
		bool is_allowed;
	} cases[] = {
		{ "1000:1000", true },
		{ "1000:1999", true },
		{ "1000:0", false },
		{ "0:1000", false },
		{ "1000", false },
		{ "1000:", false },
		{ "1000:1000:", false },
		{ "app:1000", false },
		{ "1000:disk", false },
		{ "/bin/su", false },
		{ "", false },
		{ NULL, false },
	};
	struct policy policy = parse("{\"userns\":[\"host\"],\"users\":[\"1000-1999\"]}");
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct run_options run = { .user = cases[i].user,
			.userns = "host" };
		int r = policy_check(&policy, &run, &err);

		if (r != (cases[i].is_allowed ? 0 : -EACCES))
			fail_msg("row %zu: %d %s", i, r, err.text);
		r = policy_check_exec(&policy, &run, true, &err);
		if (r != (cases[i].is_allowed ? 0 : -EACCES))
			fail_msg("row %zu: %d %s", i, r, err.text);
		assert_int_equal(policy_check_exec(&policy, &run, false, &err), 0);
	}
	policy.usual_userns = "host";
	assert_int_equal(policy_check_exec(&policy, &(struct run_options){ .user = "0" },
				 true, &err),
		0);
	policy_done(&policy);
}

/* What is judged is what is used: a path that is not from the top would be another there. */
static void test_cgroup_parents(void **state)
{
	static const struct {
		const char *path;
		bool is_allowed;
	} cases[] = {
		{ "/a", true },
		{ "/a/", true },
		{ "/a/b", true },
		{ "/ab", false },
		{ "/a/../b", false },
		{ "a", false },
		{ "a/b", false },
		{ "", false },
		{ "./a", false },
		{ "a:b:c", false },
	};
	struct policy policy = parse("{\"cgroup_parents\":[\"/a\"]}"),
		      all = parse("{\"cgroup_parents\":[\"/\"]}");
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct run_options run = { .cgroup_parent = cases[i].path };
		int r = policy_check(&policy, &run, &err);

		if (r != (cases[i].is_allowed ? 0 : -EACCES))
			fail_msg("%s: %d %s", cases[i].path, r, err.text);
		r = policy_check(&all, &run, &err);
		if (r != (*cases[i].path == '/' ? 0 : -EACCES))
			fail_msg("%s of all: %d %s", cases[i].path, r, err.text);
	}
	policy_done(&policy);
	policy_done(&all);
}

/* The refusal is no stronger than the longest path says, and no weaker. */
static void test_paths(void **state)
{
	char dir[32], text[256], path[64];
	int dirfd = unit_tmpdir(dir), fd;
	struct policy policy;
	struct err err;

	assert_int_equal(mkdirat(dirfd, "open", 0755), 0);
	assert_int_equal(mkdirat(dirfd, "open/sub", 0755), 0);
	assert_int_equal(mkdirat(dirfd, "open/own", 0755), 0);
	assert_int_equal(mkdirat(dirfd, "openly", 0755), 0);
	assert_int_equal(symlinkat("sub", dirfd, "open/in"), 0);
	assert_int_equal(symlinkat("../openly", dirfd, "open/out"), 0);
	assert_int_equal(symlinkat("/etc", dirfd, "open/etc"), 0);
	(void)snprintf(text, sizeof(text),
		"{\"host_paths\":[{\"path\":\"%s/open\",\"mode\":\"ro\"},"
		"{\"path\":\"%s/open/own\",\"mode\":\"rw\"}]}",
		dir, dir);
	policy = parse(text);
	const struct {
		const char *name;
		bool is_read_only, is_allowed;
	} cases[] = {
		{ "open", true, true },
		{ "open", false, false },
		{ "open/sub", true, true },
		{ "open/in", true, true },
		{ "open/own", true, true },
		{ "open/own", false, true },
		{ "open/own/../sub", true, true },
		{ "open/own/../sub", false, false },
		{ "open/../openly", true, false },
		{ "openly", true, false },
		{ "open/out", true, false },
		{ "open/etc", true, false },
		{ "open/etc/passwd", true, false },
		{ "", true, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, cases[i].name);
		fd = policy_open_path(&policy, path, cases[i].is_read_only, &err);
		if ((fd >= 0) != cases[i].is_allowed)
			fail_msg("%s: %d %s", path, fd, err.text);
		if (fd < 0)
			assert_int_equal(fd, -EACCES);
		else
			(void)close(fd);
	}
	(void)snprintf(path, sizeof(path), "%s/open/nothing", dir);
	assert_int_equal(policy_open_path(&policy, path, true, &err), -ENOENT);
	policy_done(&policy);
	(void)close(dirfd);
	(void)!fd_remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_member_has_a_rule),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_nesting),
		cmocka_unit_test(test_shm_of_a_group),
		cmocka_unit_test(test_allowances),
		cmocka_unit_test(test_long_hint),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_host_ids),
		cmocka_unit_test(test_cgroup_parents),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
