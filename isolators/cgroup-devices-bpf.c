/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device rules as a program of type BPF_PROG_TYPE_CGROUP_DEVICE. It is called with
 * one struct bpf_cgroup_dev_ctx and answers 1 (go on) or 0 (EPERM).
 *
 * Later rules override earlier ones, so the program asks the last rule first and strikes
 * off what has been granted: an access of "rw" may be granted by one rule for "r" and
 * another for "w", and is denied as soon as a rule denies any part that no later one had
 * granted.
 */
#include "isolators/cgroup-devices.h"
#include "isolators/cgroup-v2.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The longest rule: three comparisons, two for the access, two for the verdict. */
#define RULE_INSNS_MAX 7
#define FRAME_INSNS 8
#define PROGRAMS_MAX 64

enum {
	CTX = BPF_REG_1,
	VERDICT = BPF_REG_0,
	TYPE = BPF_REG_2,
	ACCESS = BPF_REG_3,
	MAJOR = BPF_REG_4,
	MINOR = BPF_REG_5,
	PART = BPF_REG_6
};

struct program {
	struct bpf_insn *items;
	size_t count;
};

static void emit(struct program *p, unsigned int code, unsigned int dst, unsigned int src,
	int off, int imm)
{
	p->items[p->count++] = (struct bpf_insn){ .code = (__u8)code,
		.dst_reg = dst & 0xf,
		.src_reg = src & 0xf,
		.off = (__s16)off,
		.imm = imm };
}

static void emit_load(struct program *p, unsigned int reg, size_t offset)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, CTX, (int)offset, 0);
}

static void emit_verdict(struct program *p, bool is_allowed)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, VERDICT, 0, 0, is_allowed);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* A branch whose target, the next rule, is filled in when this rule is complete. */
static void emit_skip(struct program *p, unsigned int op, unsigned int reg, int64_t value)
{
	emit(p, BPF_JMP32 | op | BPF_K, reg, 0, 0, (int)value);
}

static void emit_rule(struct program *p, const struct device_rule *rule)
{
	size_t start = p->count;

	if (rule->type != 'a')
		emit_skip(p, BPF_JNE, TYPE,
			rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major >= 0)
		emit_skip(p, BPF_JNE, MAJOR, rule->major);
	if (rule->minor >= 0)
		emit_skip(p, BPF_JNE, MINOR, rule->minor);
	if (rule->allow) {
		emit(p, BPF_ALU | BPF_AND | BPF_K, ACCESS, 0, 0, (int)~rule->access);
		emit_skip(p, BPF_JNE, ACCESS, 0);
	} else {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, PART, ACCESS, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, PART, 0, 0, (int)rule->access);
		emit_skip(p, BPF_JEQ, PART, 0);
	}
	emit_verdict(p, rule->allow);
	for (size_t i = start; i < p->count; i++) {
		if (BPF_CLASS(p->items[i].code) == BPF_JMP32)
			p->items[i].off = (__s16)(p->count - i - 1);
	}
}

int device_program(
	const struct device_rules *rules, struct bpf_insn **ret, size_t *ret_count)
{
	struct program p = { 0 };

	p.items = calloc(
		FRAME_INSNS + rules->count * (RULE_INSNS_MAX + 1), sizeof(*p.items));
	if (!p.items)
		return -ENOMEM;
	emit_load(&p, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&p, BPF_ALU | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
	emit(&p, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit(&p, BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	emit_load(&p, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&p, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = rules->count; i-- > 0;)
		emit_rule(&p, &rules->items[i]);
	emit_verdict(&p, rules->is_allowed);
	*ret = p.items;
	*ret_count = p.count;
	return 0;
}

/* ---- the kernel ---- */

static int sys_bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int load(const struct bpf_insn *insns, size_t count)
{
	static const char license[] = "Apache-2.0", name[] = "ucr_devices";
	union bpf_attr attr = { 0 };

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)insns;
	attr.insn_cnt = (uint32_t)count;
	attr.license = (uint64_t)(uintptr_t)license;
	memcpy(attr.prog_name, name, sizeof(name));
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* The program that is attached to this very cgroup, for an update to replace. -ENOENT:
 * none. */
static int open_attached(int cgroup_fd)
{
	uint32_t ids[PROGRAMS_MAX] = { 0 };
	union bpf_attr attr = { 0 };
	uint32_t count;
	int r;

	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = sys_bpf(BPF_PROG_QUERY, &attr);
	if (r < 0)
		return r;
	count = attr.query.prog_cnt;
	if (!count)
		return -ENOENT;
	attr = (union bpf_attr){ .prog_id = ids[0] };
	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

/* BPF_F_ALLOW_MULTI: a program of a cgroup further down can only forbid more. */
static int attach(int cgroup_fd, int program_fd, int old_fd)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old_fd;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

static int guard(const struct cgroup_part *part, const struct device_rules *rules)
{
	cleanup_close int program_fd = -1, old_fd = -1;
	cleanup_free struct bpf_insn *insns = NULL;
	size_t count = 0;
	int r;

	r = device_program(rules, &insns, &count);
	if (r < 0)
		return r;
	program_fd = load(insns, count);
	if (program_fd < 0)
		return program_fd;
	if (!part->is_new)
		old_fd = open_attached(part->dirfd);
	return attach(part->dirfd, program_fd, old_fd);
}

int cgroup_v2_set_devices(const struct cgroup_part *part,
	const struct spec_device_rules *spec, struct err *err)
{
	cleanup_with(device_rules_done) struct device_rules rules = { 0 };
	int r;

	if (!spec->count && !part->is_unset)
		return 0;
	r = device_rules_read(spec, &rules, err);
	if (r < 0 || (part->is_new && rules.is_allowed && !rules.count))
		return r;
	r = guard(part, &rules);
	if (r >= 0)
		return 0;
	(void)err_set(err, -r, "cgroup: attach the device rules as a BPF program");
	if (r == -EPERM)
		return err_hint(err,
			"this needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, of the host");
	return err_hint(err, "the kernel needs CONFIG_CGROUP_BPF and CONFIG_BPF_SYSCALL");
}
