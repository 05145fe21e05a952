/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event of ours (agentd/events.h) as Docker tells it: of a container or an image, with Docker's
 * word for what happened and its names for the attributes. What Docker has no word for is passed over.
 */
#ifndef UCR_AGENTD_DOCKER_EVENT_H
#define UCR_AGENTD_DOCKER_EVENT_H

#include "agentd/events.h"
#include "common/buf.h"

/* "container=", "event=", "image=" and "type=": values of one key are alternatives. */
int docker_event_filters_check(char *const *filters, struct err *err)
	__attribute__((warn_unused_result));

/* A line, where Docker has such an event and the filters let it pass. */
void docker_event_write(struct buf *out, const struct event *event, char *const *filters);

#endif
