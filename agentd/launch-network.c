/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-network.h"

#include "agentd/engine-steps.h"
#include "agentd/container-network.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define MOVES_MAX 1024 /* what a bridge can carry of others */

void launch_network_done(struct launch_network *network)
{
	network_client_stop(&network->client);
	network_done(&network->network);
	for (size_t i = 0; i < network->port_fd_count; i++)
		(void)close(network->port_fds[i]);
	free(network->port_fds);
	*network = (struct launch_network)LAUNCH_NETWORK_INIT;
}

/* ---- the plan ------------------------------------------------------------------------- */

static int refuse_without_bridge(const struct run_options *o, struct err *err)
{
	const struct {
		bool is_given;
		const char *name, *what;
	} rows[] = {
		{ strv_len(o->publish), "--publish", "ports of its own" },
		{ o->is_publish_all, "--publish-all", "ports of its own" },
		{ o->network_pool, "--network-pool", "an address of a pool" },
		{ o->network_rate_in, "--network-rate-in", "a rate of its own" },
		{ o->network_rate_out, "--network-rate-out", "a rate of its own" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].is_given)
			continue;
		(void)err_say(err, EINVAL, "%s: only a container on a bridge has %s",
			rows[i].name, rows[i].what);
		return err_hint(err, "add --network bridge");
	}
	return 0;
}

/* They become lines of a file. */
static int check_dns(const struct run_options *o, struct err *err)
{
	struct network_address address;

	strv_each (text, o->dns) {
		if (network_address_parse(*text, &address) < 0)
			return err_say(err, EINVAL,
				"--dns %.80s: want the address of a name server", *text);
	}
	return 0;
}

static int refuse_rootless(const struct network_choice *choice, struct err *err)
{
	(void)err_say(err, EPERM, "--network bridge%s: only root can make a bridge",
		choice->is_shared ? ":shared" : "");
	return err_hint(err, "run it with sudo; a user has --network host, and none");
}

static int plan_ports(const struct bundle_request *request, struct network_ports *ports,
	struct err *err)
{
	int r;

	strv_each (text, request->options->publish) {
		r = network_publish_parse(*text, ports, err);
		if (r < 0)
			return r;
	}
	if (!request->options->is_publish_all)
		return 0;
	strv_each (text, request->image->config.exposed_ports) {
		r = network_expose_parse(*text, ports, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_rates(
	const struct run_options *o, struct network *network, struct err *err)
{
	int r = network_rate_parse(
		"--network-rate-in", o->network_rate_in, &network->rate_in, err);

	return r < 0 ? r
		     : network_rate_parse("--network-rate-out", o->network_rate_out,
			       &network->rate_out, err);
}

int launch_network_plan(
	const struct bundle_request *request, struct launch_network *ret, struct err *err)
{
	int r;

	r = network_choice_parse(request->options->network, &ret->choice, err);
	if (r == 0)
		r = check_dns(request->options, err);
	if (r < 0)
		return r;
	if (ret->choice.mode != NETWORK_BRIDGE)
		return refuse_without_bridge(request->options, err);
	if (request->is_rootless)
		return refuse_rootless(&ret->choice, err);
	r = network_pool_parse(request->options->network_pool, &ret->pool, err);
	if (r < 0)
		return r;
	ret->network.is_shared = ret->choice.is_shared;
	r = plan_rates(request->options, &ret->network, err);
	return r < 0 ? r : plan_ports(request, &ret->network.ports, err);
}

/* ---- the host's things ---------------------------------------------------------------- */

static int take_address(struct engine *engine, const struct container *container,
	struct launch_network *network, struct err *err)
{
	int r = network_lease_take(
		engine, container->id, &network->pool, &network->network, err);

	return r < 0 ? r : container_save_network(container, &network->network, err);
}

int launch_network_take(struct engine *engine, const struct container *container,
	struct launch_network *network, struct err *err)
{
	int r;

	if (network->choice.mode != NETWORK_BRIDGE)
		return 0;
	r = network_ports_reserve(&network->network.ports, &network->port_fds,
		&network->port_fd_count, err);
	return r < 0 ? r : take_address(engine, container, network, err);
}

void launch_network_forget(struct engine *engine, const struct container *container,
	const struct launch_network *network)
{
	if (network->choice.mode == NETWORK_BRIDGE && container_has_network(container))
		container_forget_network(engine, container, &network->network);
}

int launch_network_prepare(
	struct engine *engine, struct launch_network *network, struct err *err)
{
	if (network->choice.mode != NETWORK_BRIDGE)
		return 0;
	return network_client_start(engine, &network->client, err);
}

static int open_netns(pid_t pid, struct err *err)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open the container's network namespace")
		      : fd;
}

/* A container that ended without clean-up may still be in the tables: a listing finishes it. */
static void settle(struct engine *engine)
{
	cleanup_container_list struct container_list list = { 0 };
	struct err ignored;

	(void)!container_list(engine, &list, &ignored);
}

/* An engine with another directory has the address: the next one, then. */
static int move_on(struct engine *engine, const struct container *container,
	struct launch_network *network, struct err *err)
{
	int r;

	network_lease_release(engine, &network->network, container->id);
	r = take_address(engine, container, network, err);
	return r < 0 ? r
		     : bundle_rewrite_hosts(container->dirfd, network->hostname,
			       &network->network, err);
}

static int ask(struct launch_network *network, int netns_fd, struct notes *notes,
	struct err *err)
{
	return network_client_ask(
		&network->client, NET_ATTACH, &network->network, netns_fd, notes, err);
}

static int attach(struct engine *engine, const struct container *container,
	struct launch_network *network, int netns_fd, struct notes *notes,
	struct err *err)
{
	int r = ask(network, netns_fd, notes, err);

	if (r == -EADDRINUSE) {
		settle(engine);
		r = ask(network, netns_fd, notes, err);
	}
	for (int i = 0; r == -EEXIST && i < MOVES_MAX; i++) {
		r = move_on(engine, container, network, err);
		if (r == 0)
			r = ask(network, netns_fd, notes, err);
	}
	return r;
}

int launch_network_attach(struct engine *engine, const struct container *container,
	struct launch_network *network, pid_t pid, struct notes *notes, struct err *err)
{
	cleanup_close int netns_fd = -1;
	int r;

	if (network->choice.mode != NETWORK_BRIDGE)
		return 0;
	netns_fd = open_netns(pid, err);
	r = netns_fd < 0 ? netns_fd
			 : attach(engine, container, network, netns_fd, notes, err);
	if (r < 0) {
		/* What ucr-net refused is not there; if it died, there may be half of it, which
		 * clean-up takes away. */
		if (!network->client.is_lost)
			launch_network_forget(engine, container, network);
		return err_wrap(err, "--network bridge");
	}
	return engine_step(STEP_LAUNCH_ATTACHED, err);
}
