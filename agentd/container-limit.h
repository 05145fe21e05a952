/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit that ended a container, in words that a person can act on and in Mesos' reason. It is
 * told from how the container ended and what it had used: only a first process that was killed while
 * the kernel had to kill for want of memory counts, so that a task that lost a child and went on is
 * marked by its count of such kills and by nothing else.
 */
#ifndef UCR_AGENTD_CONTAINER_LIMIT_H
#define UCR_AGENTD_CONTAINER_LIMIT_H

#include "agentd/container.h"
#include "common/json-writer.h"

#define CONTAINER_LIMIT_ROOM 320

struct container_limit {
	const char *reason;		  /* "REASON_CONTAINER_LIMITATION_MEMORY" */
	const char *resource;		  /* of Mesos: "mem" */
	uint64_t limit_bytes, peak_bytes; /* UINT64_MAX: unknown */
	char message[CONTAINER_LIMIT_ROOM];
};

/* False: it does not run any more for another reason, or still runs. */
bool container_limit_reached(
	const struct container *container, struct container_limit *ret);

/* "reason", "message" and the "limitation" with what was used, into an object that is open. */
void container_limit_write(struct json_writer *w, const struct container_limit *limit);

#endif
