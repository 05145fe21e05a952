/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct agent_op ops[] = {
	{ "docker-ping", agent_docker_ping, .is_quick = true, .is_for_all = true },
	{ "docker-version", agent_docker_version, .is_quick = true, .is_for_all = true },
	{ "docker-info", agent_docker_info, .is_for_all = true },
	{ "docker-list", agent_docker_list, .is_for_all = true },
	{ "docker-inspect", agent_docker_inspect, .is_for_all = true },
	{ "docker-top", agent_docker_top, .is_for_all = true },
	{ "docker-kill", agent_docker_kill, .is_for_all = true },
	{ "docker-stop", agent_docker_stop, .is_slow = true, .is_for_all = true },
	{ "docker-remove", agent_docker_remove, .is_slow = true, .is_for_all = true },
	{ "docker-prune", agent_docker_prune, .is_for_all = true },
	{ "docker-create", agent_docker_create, .is_for_all = true },
	{ "docker-start", agent_docker_start, .begin = agent_docker_start_begin,
		.is_slow = true, .is_for_all = true },
	{ "docker-restart", agent_docker_restart, .begin = agent_docker_start_begin,
		.is_slow = true, .is_for_all = true },
	{ "docker-attach", agent_docker_attach, .begin = agent_docker_attach_begin,
		.is_for_all = true },
	{ "docker-resize", agent_docker_resize, .is_for_all = true },
	{ "docker-exec", agent_docker_exec, .is_for_all = true },
	{ "docker-exec-start", agent_docker_exec_start, .is_slow = true,
		.is_for_all = true },
	{ "docker-exec-inspect", agent_docker_exec_inspect, .is_for_all = true },
	{ "docker-exec-resize", agent_docker_exec_resize, .is_for_all = true },
	{ "docker-logs", agent_docker_logs, .stays = true, .is_for_all = true },
	{ "docker-stats", agent_docker_stats, .stays = true, .is_for_all = true },
	{ "docker-events", agent_docker_events, .stays = true },
	{ "docker-pull", agent_docker_pull, .is_slow = true, .is_for_all = true },
	{ "docker-load", agent_docker_load, .is_slow = true },
	{ "docker-wait", .begin = agent_docker_wait, .is_for_all = true },
	{ "docker-images", agent_docker_images, .is_for_all = true },
	{ "docker-image", agent_docker_image, .is_for_all = true },
	{ "docker-tag", agent_docker_tag },
	{ "docker-untag", agent_docker_untag },
	{ 0 },
};

const struct agent_op *agent_docker_op_find(const char *name)
{
	const struct agent_op *op = ops;

	while (op->name && !str_eq(op->name, name))
		op++;
	return op->name ? op : NULL;
}

int agent_docker_find(struct agent *agent, const struct agent_call *call,
	struct container **ret, struct err *err)
{
	const char *name = call->container ? call->container : "";

	/* Docker's own names begin with a slash. */
	name += *name == '/';
	return agent_find_reference(agent, call, name, ret, err);
}

int agent_docker_pipe(struct agent_answer *answer,
	void (*follow)(struct agent *agent, const struct agent_call *call, int fd),
	struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	answer->flow = AGENT_FLOW_BYTES;
	answer->fd = fds[0];
	answer->follow = follow;
	answer->follow_fd = fds[1];
	return 0;
}

void agent_docker_done(struct agent *agent, uint64_t id)
{
	if (id)
		agent_docker_clients_started(agent, id);
	agent_docker_waits_look(agent);
}

void agent_docker_forget(struct agent *agent)
{
	agent_docker_clients_forget(agent);
	agent_docker_waits_forget(agent);
}
