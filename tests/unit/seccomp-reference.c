/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "tests/unit/seccomp-reference.h"

#include "common/fd.h"
#include "isolators/seccomp-words.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>

static uint32_t action_of(const char *name, bool has_errno, uint32_t errno_ret)
{
	uint32_t action;

	assert_int_equal(
		seccomp_action_find(name, has_errno ? errno_ret : EPERM, &action, NULL),
		0);
	return action;
}

static struct scmp_arg_cmp arg_of(const struct spec_seccomp_arg *arg)
{
	static const enum scmp_compare ops[] = {
		[SECCOMP_NE] = SCMP_CMP_NE,
		[SECCOMP_LT] = SCMP_CMP_LT,
		[SECCOMP_LE] = SCMP_CMP_LE,
		[SECCOMP_EQ] = SCMP_CMP_EQ,
		[SECCOMP_GE] = SCMP_CMP_GE,
		[SECCOMP_GT] = SCMP_CMP_GT,
		[SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	enum seccomp_op op;

	assert_int_equal(seccomp_op_find(arg->op, &op, NULL), 0);
	return (struct scmp_arg_cmp){ arg->index, ops[op], arg->value, arg->value_two };
}

static int add_rule(scmp_filter_ctx ctx, const struct spec_syscall *call, uint32_t action,
	const char *name)
{
	struct scmp_arg_cmp args[6];
	int nr = seccomp_syscall_resolve_name(name);
	bool is_any = false;
	int r = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < call->args.count; i++) {
		args[i] = arg_of(&call->args.items[i]);
		for (size_t k = 0; k < i; k++)
			is_any |= args[k].arg == args[i].arg;
	}
	if (!is_any)
		return seccomp_rule_add_array(
			ctx, action, nr, (unsigned int)call->args.count, args);
	for (size_t i = 0; r == 0 && i < call->args.count; i++)
		r = seccomp_rule_add_array(ctx, action, nr, 1, &args[i]);
	return r;
}

static int add_rules(
	scmp_filter_ctx ctx, const struct spec_seccomp *spec, uint32_t fallback)
{
	for (size_t i = 0; i < spec->syscalls.count; i++) {
		const struct spec_syscall *call = &spec->syscalls.items[i];
		uint32_t action =
			action_of(call->action, call->has_errno_ret, call->errno_ret);

		if (action == fallback)
			continue;
		strv_each (name, call->names) {
			int r = add_rule(ctx, call, action, *name);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void export(scmp_filter_ctx ctx, struct program *ret)
{
	cleanup_close int fd = memfd_create("filter", MFD_CLOEXEC);
	char *data;
	size_t len;

	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, 1 << 20, &data, &len), 0);
	ret->code = (struct sock_filter *)(void *)data;
	ret->count = len / sizeof(*ret->code);
}

int reference_compile(const struct spec_seccomp *spec, struct program *ret)
{
	uint32_t fallback = action_of(spec->default_action, spec->has_default_errno_ret,
		spec->default_errno_ret);
	scmp_filter_ctx ctx = seccomp_init(fallback);
	int r;

	assert_non_null(ctx);
	assert_int_equal(
		seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	strv_each (name, spec->architectures) {
		const struct seccomp_arch *arch;

		assert_int_equal(seccomp_arch_find(*name, &arch, NULL), 0);
		r = arch ? seccomp_arch_add(ctx, arch->token) : 0;
		assert_true(r == 0 || r == -EEXIST);
	}
	r = add_rules(ctx, spec, fallback);
	if (r == 0)
		export(ctx, ret);
	seccomp_release(ctx);
	return r;
}

static bool is_named(const struct spec_seccomp *spec, const char *name)
{
	for (size_t i = 0; i < spec->syscalls.count; i++) {
		strv_each (s, spec->syscalls.items[i].names) {
			if (str_eq(*s, name))
				return true;
		}
	}
	return false;
}

uint32_t reference_newest(const struct spec_seccomp *spec, uint32_t token)
{
	uint32_t base = token == SCMP_ARCH_X32 ? 0x40000000 : 0;
	uint32_t newest = 0;

	for (uint32_t nr = base; nr < base + 1000; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(token, (int)nr);

		if (name && is_named(spec, name))
			newest = nr;
		free(name);
	}
	return newest;
}

static bool jump_taken(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ: return a == at->k;
	case BPF_JGT: return a > at->k;
	case BPF_JGE: return a >= at->k;
	case BPF_JSET: return (a & at->k) != 0;
	}
	fail_msg("jump %#x", at->code);
	return false;
}

uint32_t program_run(
	const struct sock_filter *code, size_t count, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *at = &code[pc];

		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(at->k % 4 == 0 && at->k < sizeof(*data));
			memcpy(&a, (const char *)data + at->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= at->k; break;
		case BPF_JMP | BPF_JA: pc += at->k; break;
		case BPF_RET | BPF_K: return at->k;
		default:
			assert_int_equal(BPF_CLASS(at->code), BPF_JMP);
			pc += jump_taken(at, a) ? at->jt : at->jf;
		}
	}
	fail_msg("the program ran over its end");
	return 0;
}
