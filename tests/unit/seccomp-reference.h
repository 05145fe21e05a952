/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What filters are judged by: the program that libseccomp makes of the same rules, and an
 * interpreter for both.
 */
#ifndef UCR_TESTS_SECCOMP_REFERENCE_H
#define UCR_TESTS_SECCOMP_REFERENCE_H

#include "common/spec-linux.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

struct program {
	struct sock_filter *code;
	size_t count;
};

/* 0, or the -errno by which libseccomp refused the rules. */
int reference_compile(const struct spec_seccomp *spec, struct program *ret);

/* The largest number that a name of the profile has on an architecture (SCMP_ARCH_*). */
uint32_t reference_newest(const struct spec_seccomp *spec, uint32_t token);

/* The action for one call; fails the test on an instruction that the kernel would refuse.
 */
uint32_t program_run(
	const struct sock_filter *code, size_t count, const struct seccomp_data *data);

#endif
