/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-network.h"

#include "agentd/container-network.h"
#include "agentd/network.h"
#include "agentd/task-run.h"
#include "common/cleanup.h"

#include <errno.h>

/* ---- what they may have ---- */

static bool has_port(const struct agent *agent, uint16_t port)
{
	const struct resource *ports = resources_find(&agent->resources, "ports");

	for (size_t i = 0; ports && i < ports->ranges.count; i++) {
		if (port >= ports->ranges.items[i].begin &&
			port <= ports->ranges.items[i].end)
			return true;
	}
	return false;
}

/* A port that nobody named would be any that is free. */
static int check_port(
	const struct agent *agent, const struct network_port *port, struct err *err)
{
	if (has_port(agent, port->host_port))
		return 0;
	if (port->host_port)
		(void)err_say(err, EACCES,
			"port %u of the host is not among the agent's resources",
			port->host_port);
	else
		(void)err_say(err, EACCES,
			"port %u cannot be published without saying at which port of the host",
			port->port);
	return err_hint(err,
		"name one of the \"ports\" that GET_AGENT shows; the agent's setting "
		"allow_any_port gives out the others");
}

static int check_ports(
	const struct agent *agent, const struct run_options *run, struct err *err)
{
	struct network_ports ports = { 0 };
	int r = 0;

	strv_each (text, run->publish) {
		if (r == 0)
			r = network_publish_parse(*text, &ports, err);
	}
	for (size_t i = 0; r == 0 && i < ports.count; i++)
		r = check_port(agent, &ports.items[i], err);
	free(ports.items);
	return r;
}

int agent_network_check(
	const struct agent *agent, const struct run_options *run, struct err *err)
{
	const struct agent_options *o = agent->options;
	struct network_choice choice;
	int r = network_choice_parse(run->network, &choice, err);

	if (r < 0)
		return r;
	if (choice.mode == NETWORK_HOST && !o->is_host_network_allowed) {
		(void)err_say(err, EACCES, "tasks do not get the host's network here");
		return err_hint(err,
			"use the network bridge; the agent's setting allow_host_network allows "
			"it");
	}
	return o->is_any_port_allowed ? 0 : check_ports(agent, run, err);
}

/* ---- rates ---- */

static int limit_rate(
	const char *option, const char *most, const char **wanted, struct err *err)
{
	uint64_t limit = 0, rate = 0;
	int r = network_rate_parse(option, most, &limit, err);

	if (r == 0)
		r = network_rate_parse(option, *wanted, &rate, err);
	if (r < 0 || !limit)
		return r;
	if (rate > limit)
		return err_say(err, EACCES, "%s %s: this agent gives a task %s at most",
			option, *wanted, most);
	if (!rate)
		*wanted = most;
	return 0;
}

int agent_network_limit(
	const struct agent *agent, struct run_options *run, struct err *err)
{
	const struct agent_options *o = agent->options;
	struct network_choice choice;
	int r = network_choice_parse(run->network, &choice, err);

	if (r < 0 || choice.mode != NETWORK_BRIDGE)
		return r;
	r = limit_rate("network_rate_in", o->network_rate_in, &run->network_rate_in, err);
	return r < 0 ? r
		     : limit_rate("network_rate_out", o->network_rate_out,
			       &run->network_rate_out, err);
}

int agent_network_settings(const struct agent_options *options, struct err *err)
{
	uint64_t ignored;
	int r = network_rate_parse(
		"--network-rate-in", options->network_rate_in, &ignored, err);

	return r < 0 ? r
		     : network_rate_parse("--network-rate-out", options->network_rate_out,
			       &ignored, err);
}

/* ---- what they have ---- */

static void write_address(struct json_writer *w, const char *protocol,
	const struct network_address *address)
{
	char text[INET6_ADDRSTRLEN];

	jw_object(w, NULL);
	jw_string(w, "protocol", protocol);
	jw_string(w, "ip_address", network_address_text(address, text));
	jw_object_end(w);
}

static void write_port(struct json_writer *w, const struct network_port *port)
{
	jw_object(w, NULL);
	jw_u64(w, "host_port", port->host_port);
	jw_u64(w, "container_port", port->port);
	jw_string(w, "protocol", network_protocol_name(port->protocol));
	jw_object_end(w);
}

static void write_info(struct json_writer *w, const struct network *network)
{
	jw_object(w, NULL);
	jw_string(w, "name", network->is_shared ? "bridge:shared" : "bridge");
	jw_array(w, "ip_addresses");
	write_address(w, "IPv4", &network->address);
	write_address(w, "IPv6", &network->address6);
	jw_array_end(w);
	jw_array(w, "port_mappings");
	for (size_t i = 0; i < network->ports.count; i++)
		write_port(w, &network->ports.items[i]);
	jw_array_end(w);
	jw_object_end(w);
}

/* The one that has the network of its group; NULL: it is in none. */
static struct container *find_holder(
	struct agent *agent, const struct container *container)
{
	static const struct agent_call ours = { 0 };
	const char *group = strv_env_get(container->labels, TASK_GROUP_LABEL);
	cleanup_free char *name = group ? task_holder_name(group) : NULL;
	struct container *holder = NULL;
	struct err ignored;

	if (name)
		(void)!agent_find(agent, &ours, name, &holder, &ignored);
	return holder;
}

void agent_network_write(
	struct agent *agent, struct json_writer *w, const struct container *container)
{
	cleanup_container struct container *holder = find_holder(agent, container);
	cleanup_network struct network network = { 0 };

	if (container_network(holder ? holder : container, &network, NULL) < 0)
		return;
	jw_array(w, "network_infos");
	write_info(w, &network);
	jw_array_end(w);
}
