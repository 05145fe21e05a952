/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "isolators/isolator.h"
#include "isolators/seccomp-profile.h"
#include "isolators/seccomp.h"
#include "tests/unit/seccomp-reference.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/socket.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(code) (SECCOMP_RET_ERRNO | (code))

static char chown_cap[] = "CAP_CHOWN", mknod_cap[] = "CAP_MKNOD";
static char admin_cap[] = "CAP_SYS_ADMIN", net_cap[] = "CAP_NET_ADMIN";
static char ptrace_cap[] = "CAP_SYS_PTRACE";
static char *const usual_caps[] = { chown_cap, mknod_cap, NULL };
static char *const no_caps[] = { NULL };
static char *const admin_caps[] = { admin_cap, net_cap, ptrace_cap, NULL };

/* How many of the rules in `syscalls` apply, or -errno. */
static int count_rules(
	const char *syscalls, const struct seccomp_host *host, struct err *err)
{
	struct spec_seccomp spec;
	char text[1024];
	int r;

	(void)snprintf(text, sizeof(text), "{\"defaultAction\":\"SCMP_ACT_ERRNO\",%s}",
		syscalls);
	r = seccomp_profile_resolve(text, strlen(text), host, &spec, err);
	if (r < 0)
		return r;
	assert_true(spec.is_set);
	r = (int)spec.syscalls.count;
	seccomp_profile_done(&spec);
	return r;
}

static void test_conditions(void **state)
{
	static const struct {
		const char *condition;
		int count;
	} cases[] = {
		{ "\"comment\":\"always\"", 1 },
		{ "\"includes\":{},\"excludes\":null", 1 },
		{ "\"includes\":{\"caps\":[\"CAP_CHOWN\"]}", 1 },
		{ "\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_KILL\"]}", 0 },
		{ "\"excludes\":{\"caps\":[\"CAP_KILL\",\"CAP_CHOWN\"]}", 0 },
		{ "\"excludes\":{\"caps\":[\"CAP_KILL\"]}", 1 },
		{ "\"includes\":{\"arches\":[\"arm64\",\"amd64\"]}", 1 },
		{ "\"includes\":{\"arches\":[\"arm64\"]}", 0 },
		{ "\"excludes\":{\"arches\":[\"amd64\"]}", 0 },
		{ "\"includes\":{\"minKernel\":\"4.8\"}", 1 },
		{ "\"includes\":{\"minKernel\":\"6.1\"}", 1 },
		{ "\"includes\":{\"minKernel\":\"6.10\"}", 0 },
		{ "\"excludes\":{\"minKernel\":\"5.19\"}", 0 },
		{ "\"excludes\":{\"minKernel\":\"7.0\"}", 1 },
	};
	const struct seccomp_host host = { "amd64", usual_caps, 6, 1 };

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = { 0 };
		char text[512];
		int r;

		(void)snprintf(text, sizeof(text),
			"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
			"ALLOW\",%s}]",
			cases[i].condition);
		r = count_rules(text, &host, &err);
		if (r != cases[i].count)
			fail_msg("%s: %d %s", cases[i].condition, r, err.text);
	}
}

static void test_bad_profiles(void **state)
{
	static const char *const cases[][2] = {
		{ "\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\"}]",
			"syscalls[0]: a rule has neither" },
		{ "\"syscalls\":[{\"names\":[\"a\"],\"name\":\"b\",\"action\":\"x\"}]",
			"both" },
		{ "\"syscalls\":[{\"names\":[\"a\"]}]", "action" },
		{ "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"x\",\"includes\":{"
		  "\"minKernel\":\"new\"}}]",
			"minKernel \"new\"" },
		{ "\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":[{\"architecture\":"
		  "\"SCMP_ARCH_X86_64\"}]",
			"archMap" },
		{ "\"syscalls\":[{\"names\":[7],\"action\":\"x\"}]", "names" },
		{ "\"syscalls\":", "" },
	};
	const struct seccomp_host host = { "amd64", usual_caps, 6, 1 };

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = { 0 };

		assert_true(count_rules(cases[i][0], &host, &err) < 0);
		if (!*err.text || !strstr(err.text, cases[i][1]))
			fail_msg("\"%s\" does not say %s", err.text, cases[i][1]);
	}
}

static void test_architectures(void **state)
{
	static const char text[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":["
		"{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_"
		"ARCH_ARM\"]},{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_"
		"ARCH_X86\"]}],\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\"}]}";
	struct seccomp_host host = { "amd64", usual_caps, 6, 1 };
	struct spec_seccomp spec;

	assert_int_equal(
		seccomp_profile_resolve(text, strlen(text), &host, &spec, NULL), 0);
	assert_int_equal(strv_len(spec.architectures), 2);
	assert_string_equal(spec.architectures[0], "SCMP_ARCH_X86");
	assert_string_equal(spec.architectures[1], "SCMP_ARCH_X86_64");
	assert_string_equal(spec.syscalls.items[0].names[0], "read");
	seccomp_profile_done(&spec);

	host.arch = "riscv64";
	assert_int_equal(
		seccomp_profile_resolve(text, strlen(text), &host, &spec, NULL), 0);
	assert_null(spec.architectures);
	seccomp_profile_done(&spec);
}

/* ---- the default profile --------------------------------------------------------------
 */

static void default_spec(char *const *caps, struct spec_seccomp *ret)
{
	const struct seccomp_host host = { "amd64", caps, 6, 1 };
	struct err err = { 0 };
	const char *text;
	size_t len;

	text = seccomp_profile_default_text(&len);
	if (seccomp_profile_resolve(text, len, &host, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void default_filter(char *const *caps, struct seccomp_filter *ret)
{
	cleanup_with(notes_done) struct notes notes = { 0 };
	struct spec_seccomp spec;
	struct err err = { 0 };

	default_spec(caps, &spec);
	if (seccomp_compile(&spec, &notes, ret, &err) < 0)
		fail_msg("%s", err.text);
	if (notes.lines)
		fail_msg("%s", notes.lines[0]);
	seccomp_profile_done(&spec);
}

struct call {
	int nr;
	uint64_t args[3];
	uint32_t usual,
		admin; /* the verdicts without and with the capabilities of an admin */
};

#define EVERYBODY(action) (action), (action)
#define HIGH 0xdeadbeef00000000ULL

static const struct call calls[] = {
	{ SCMP_SYS(read), { 0 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(execve), { 0 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(ioctl), { 0, 0x5401 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(ioctl), { 0, 0x5412 }, EVERYBODY(FAIL(EIO)) },
	{ SCMP_SYS(ioctl), { 0, HIGH | 0x5412 }, EVERYBODY(FAIL(EIO)) },
	{ SCMP_SYS(ioctl), { 0, HIGH | 0x541c }, EVERYBODY(FAIL(ENOTTY)) },
	{ SCMP_SYS(clone), { 0x1200011 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(clone), { 0x10000000 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(clone), { 0x02000000 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(clone), { 0x40000011 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(clone3), { 0 }, FAIL(ENOSYS), ALLOW },
	{ SCMP_SYS(unshare), { 0x10000000 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(setns), { 0 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(mount), { 0 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(socket), { AF_UNIX }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(socket), { AF_INET, SOCK_RAW, 1 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(socket), { AF_INET6 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(socket), { AF_NETLINK, SOCK_RAW, 0 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(socket), { AF_NETLINK, SOCK_RAW, 12 }, FAIL(EAFNOSUPPORT), ALLOW },
	{ SCMP_SYS(socket), { AF_PACKET }, FAIL(EAFNOSUPPORT), ALLOW },
	{ SCMP_SYS(socket), { AF_ALG }, EVERYBODY(FAIL(EAFNOSUPPORT)) },
	{ SCMP_SYS(socket), { HIGH | AF_ALG }, EVERYBODY(FAIL(EAFNOSUPPORT)) },
	{ SCMP_SYS(socket), { 40 /* AF_VSOCK */ }, EVERYBODY(FAIL(EAFNOSUPPORT)) },
	{ SCMP_SYS(personality), { 0x20008 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(personality), { 0xffffffff }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(personality), { 0x0400000 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(mknod), { 0, 0010644 }, EVERYBODY(ALLOW) },
	{ SCMP_SYS(ptrace), { 0 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(process_vm_readv), { 0 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(name_to_handle_at), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(open_by_handle_at), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(memfd_secret), { 0 }, EVERYBODY(FAIL(ENOSYS)) },
	{ SCMP_SYS(io_uring_setup), { 0 }, EVERYBODY(FAIL(ENOSYS)) },
	{ SCMP_SYS(keyctl), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(add_key), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(request_key), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(userfaultfd), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(modify_ldt), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(adjtimex), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(vmsplice), { 0 }, EVERYBODY(FAIL(EPERM)) },
	{ SCMP_SYS(bpf), { 0 }, FAIL(EPERM), ALLOW },
	{ SCMP_SYS(perf_event_open), { 0 }, FAIL(EPERM), ALLOW },
	{ 335 /* in the gap between the old numbers and the shared ones */, { 0 },
		EVERYBODY(FAIL(EPERM)) },
	{ 457 /* statmount */, { 0 }, FAIL(ENOSYS), ALLOW },
	{ 10000, { 0 }, EVERYBODY(FAIL(ENOSYS)) },
	{ 0x40000000 /* x32's read */, { 0 }, EVERYBODY(SECCOMP_RET_KILL_PROCESS) },
};

static void check_calls(char *const *caps, bool is_admin)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };

	default_filter(caps, &filter);
	for (size_t i = 0; i < LENGTH(calls); i++) {
		struct seccomp_data data = { .nr = calls[i].nr,
			.arch = AUDIT_ARCH_X86_64 };
		uint32_t wanted = is_admin ? calls[i].admin : calls[i].usual;
		uint32_t verdict;

		memcpy(data.args, calls[i].args, sizeof(calls[i].args));
		verdict = program_run(filter.code, filter.count, &data);
		if (verdict != wanted)
			fail_msg("%d(%#lx, %#lx): %#x instead of %#x", data.nr,
				calls[i].args[0], calls[i].args[1], verdict, wanted);
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(program_run(filter.code, filter.count, &data),
			SECCOMP_RET_KILL_PROCESS);
	}
}

static void test_default_profile(void **state)
{
	check_calls(usual_caps, false);
	check_calls(admin_caps, true);
}

static void test_default_devices(void **state)
{
	cleanup_seccomp_filter struct seccomp_filter with = { 0 }, without = { 0 };
	struct seccomp_data data = { .nr = SCMP_SYS(mknodat),
		.arch = AUDIT_ARCH_X86_64,
		.args = { 0, 0, 0020600 } };

	default_filter(usual_caps, &with);
	default_filter(no_caps, &without);
	assert_int_equal(program_run(with.code, with.count, &data), ALLOW);
	assert_int_equal(program_run(without.code, without.count, &data), FAIL(EPERM));
	data.args[2] = 0100600;
	assert_int_equal(program_run(without.code, without.count, &data), ALLOW);
}

/* libseccomp agrees on every number that it knows, with the same order of tries. */
static void test_default_like_libseccomp(void **state)
{
	static const uint64_t edges[] = { 0, 1, 2, 8, 10, 16, 17, 38, 0x5401, 0x5412,
		0x541c, 0x1000, 0x2000, 0x8000, 0xc000, 0x20000, 0x20008, 0x7e020000,
		0x10000000, 0xffffffff, 0x100000002, HIGH | 0x5412, UINT64_MAX };
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	struct program reference = { 0 };
	struct spec_seccomp spec;

	default_spec(usual_caps, &spec);
	assert_int_equal(seccomp_compile(&spec, NULL, &filter, NULL), 0);
	assert_int_equal(reference_compile(&spec, &reference), 0);
	for (int nr = 0; nr <= SCMP_SYS(set_mempolicy_home_node); nr++) {
		for (size_t i = 0; i < LENGTH(edges) * LENGTH(edges); i++) {
			uint64_t a = edges[i % LENGTH(edges)],
				 b = edges[i / LENGTH(edges)];
			struct seccomp_data data = {
				.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = { a, b, b }
			};

			assert_int_equal(program_run(filter.code, filter.count, &data),
				program_run(reference.code, reference.count, &data));
		}
	}
	free(reference.code);
	seccomp_profile_done(&spec);
}

static void test_this_machine(void **state)
{
	struct spec_seccomp spec;
	struct err err = { 0 };

	if (seccomp_profile_default(usual_caps, &spec, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(spec.default_action, "SCMP_ACT_ERRNO");
	assert_int_equal(strv_len(spec.architectures), 1);
	seccomp_profile_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_bad_profiles),
		cmocka_unit_test(test_architectures),
		cmocka_unit_test(test_default_profile),
		cmocka_unit_test(test_default_devices),
		cmocka_unit_test(test_default_like_libseccomp),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
