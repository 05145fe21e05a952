/* SPDX-License-Identifier: Apache-2.0 */
/* How the process gets CPU, disk and memory: process.scheduler, process.ioPriority,
 * linux.memoryPolicy, CPU affinity. Each pair checks in the parent and sets in the child.
 */
#ifndef UCR_ISOLATORS_SCHEDULE_H
#define UCR_ISOLATORS_SCHEDULE_H

#include "common/err.h"
#include "common/spec.h"

int schedule_check(const struct spec_process *process, struct err *err)
	__attribute__((warn_unused_result));
int schedule_apply(const struct spec_process *process, struct err *err)
	__attribute__((warn_unused_result));

int memory_policy_check(const struct spec_linux *linux_, struct err *err)
	__attribute__((warn_unused_result));
int memory_policy_apply(const struct spec_linux *linux_, struct err *err)
	__attribute__((warn_unused_result));

#define NUMBER_SET_MAX 4096

struct number_set {
	unsigned long bits[NUMBER_SET_MAX / (8 * sizeof(unsigned long))];
};

/* "0-3,8": CPUs or memory nodes. 0, -EINVAL, or -ERANGE for numbers past NUMBER_SET_MAX.
 */
int number_set_parse(const char *list, struct number_set *ret)
	__attribute__((warn_unused_result));

#endif
