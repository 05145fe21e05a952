/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses as the agent's socket tells it: all that is known, under its own names. */
#ifndef UCR_AGENTD_MEASURE_WIRE_H
#define UCR_AGENTD_MEASURE_WIRE_H

#include "agentd/container-measure.h"
#include "common/json.h"

void measure_write(
	struct json_writer *w, const char *key, const struct container_measure *measure);
/* What is not told is UINT64_MAX. */
int measure_read(const struct json *v, struct container_measure *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
