/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-network.h"

#include "agentd/api-members.h"

#include <errno.h>

#define NAME_OF_NONE "bridge" /* of a network whose name is not given */

/* ---- decoders, whose messages follow the path of a member ---- */

static int decode_port(const struct json *v, void *out, const void *arg, struct err *err)
{
	uint32_t port = 0;
	int r = json_u32(v, &port, NULL, err);

	if (r == 0 && (port == 0 || port > UINT16_MAX))
		r = err_say(err, EINVAL, " must be a port, from 1 to 65535");
	*(uint16_t *)out = (uint16_t)port;
	return r;
}

static int decode_protocol(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_STRING && network_protocol_parse(v->string, out) == 0)
		return 0;
	return err_say(err, EINVAL, " must be \"tcp\" or \"udp\"");
}

#define MAPPING_AT(member) offsetof(struct api_mapping, member)
static const struct json_field mapping_fields[] = {
	{ "host_port", decode_port, MAPPING_AT(host_port), true },
	{ "container_port", decode_port, MAPPING_AT(container_port), true },
	{ "protocol", decode_protocol, MAPPING_AT(protocol) },
	{ 0 },
};
static const struct json_array_of mapping_array = { sizeof(struct api_mapping),
	mapping_fields, NULL };

#define AT(member) offsetof(struct api_network, member)
static const struct json_field network_fields[] = {
	{ "name", json_string, AT(name) },
	{ "port_mappings", json_array, AT(mappings), false, &mapping_array },
	{ "ip_addresses", api_refuse, 0, false,
		"an address cannot be asked for; each container gets one that is free" },
	{ "groups", api_refuse, 0, false, "this agent has no groups of addresses" },
	{ 0 },
};
const struct json_array_of api_network_array = { sizeof(struct api_network),
	network_fields, NULL };

/* ---- options -------------------------------------------------------------------------- */

static int add_mappings(const struct api_network *network, strv *publish)
{
	for (size_t i = 0; i < network->mappings.count; i++) {
		const struct api_mapping *m = &network->mappings.items[i];

		if (strv_take(publish,
			    str_printf("%u:%u/%s", m->host_port, m->container_port,
				    network_protocol_name(
					    m->protocol ? m->protocol : IPPROTO_TCP))) <
			0)
			return -ENOMEM;
	}
	return 0;
}

int api_networks_finish(
	const struct api_networks *networks, struct run_options *run, struct err *err)
{
	const struct api_network *network = networks->items;
	strv publish = NULL;
	int r;

	if (networks->count == 0)
		return 0;
	if (networks->count > 1)
		return err_say(err, EINVAL,
			"launch_container.container.network_infos: a container joins one network");
	r = add_mappings(network, &publish);
	run->publish = publish;
	run->network = strdup(str_empty(network->name) ? NAME_OF_NONE : network->name);
	return r < 0 || !run->network ? err_oom(err) : 0;
}
