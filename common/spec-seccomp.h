/* SPDX-License-Identifier: Apache-2.0 */
/* "linux.seccomp" of config.json. See common/spec.h for the conventions. */
#ifndef UCR_COMMON_SPEC_SECCOMP_H
#define UCR_COMMON_SPEC_SECCOMP_H

#include "common/str.h"

struct spec_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	char *op; /* "SCMP_CMP_EQ", … */
};

struct spec_seccomp_args {
	struct spec_seccomp_arg *items;
	size_t count;
};

struct spec_syscall {
	strv names;
	char *action; /* "SCMP_ACT_ALLOW", … */
	bool has_errno_ret;
	uint32_t errno_ret;
	struct spec_seccomp_args args;
};

struct spec_syscalls {
	struct spec_syscall *items;
	size_t count;
};

struct spec_seccomp {
	bool is_set;
	char *default_action;
	bool has_default_errno_ret;
	uint32_t default_errno_ret;
	strv architectures; /* "SCMP_ARCH_X86_64", … */
	strv flags;	    /* "SECCOMP_FILTER_FLAG_LOG", … */
	char *listener_path, *listener_metadata;
	struct spec_syscalls syscalls;
};

#endif
