/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a LAUNCH_CONTAINER, as Mesos' NetworkInfo tells them. */
#ifndef UCR_AGENTD_API_NETWORK_H
#define UCR_AGENTD_API_NETWORK_H

#include "agentd/bundle.h"
#include "common/json.h"

struct api_mapping {
	uint16_t host_port, container_port;
	uint32_t protocol; /* 0: not given */
};

struct api_network {
	char *name;
	struct {
		struct api_mapping *items;
		size_t count;
	} mappings;
};

struct api_networks {
	struct api_network *items;
	size_t count;
};

/* For json_array. */
extern const struct json_array_of api_network_array;

/* The same as options of a run, which own them. A network without a name is the bridge. */
int api_networks_finish(const struct api_networks *networks, struct run_options *run,
	struct err *err) __attribute__((warn_unused_result));

#endif
