/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_VOLUMES, GROW_VOLUMES and DESTROY_VOLUMES: each has "volumes", Resources of Mesos as
 * {"name":"disk","scalar":{"value":MEGABYTES},"role":ROLE,"disk":{"persistence":{"id":NAME}}}. To
 * grow one, the value says by how much. GET_VOLUMES has nothing, and answers with the same.
 */
#ifndef UCR_AGENTD_API_VOLUMES_H
#define UCR_AGENTD_API_VOLUMES_H

#include "common/json.h"

/* Of a struct api_members: the member that says which. */
extern const struct json_field api_volumes_members[];

#endif
