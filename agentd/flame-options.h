/* SPDX-License-Identifier: Apache-2.0 */
/* How a flame graph is wanted. */
#ifndef UCR_AGENTD_FLAME_OPTIONS_H
#define UCR_AGENTD_FLAME_OPTIONS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

#define FLAME_FREQUENCY_MAX 10000
#define FLAME_DURATION_MS_MAX (3600 * 1000)

struct flame_options {
	uint64_t duration_ms;
	uint32_t frequency;	  /* samples a second and processor */
	bool is_folded;		  /* lines for other programs, instead of SVG */
	bool is_per_thread;	  /* not by the cgroup, though the kernel could */
	bool (*is_stopped)(void); /* as agentd/profile.h has it */
};

int flame_options_check(const struct flame_options *options, struct err *err)
	__attribute__((warn_unused_result));

#endif
