/* SPDX-License-Identifier: Apache-2.0 */
/* A container's place on a bridge as `ps` and `inspect` show it: docker's words. */
#ifndef UCR_AGENTD_CONTAINER_PORTS_H
#define UCR_AGENTD_CONTAINER_PORTS_H

#include "agentd/container.h"
#include "common/json-writer.h"

/* "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"; nothing where nothing is published. */
void put_ports(const struct container *container, struct buf *out);

/* The member "NetworkSettings"; its strings are empty without a bridge. */
void container_write_network(struct json_writer *w, const struct container *container);

/* The member "Ports" of a list: an array of what is published. */
void container_write_port_list(struct json_writer *w, const struct container *container);

#endif
