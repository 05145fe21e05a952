/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-role.h"

#include "agentd/agent-private.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#define RESTART_MS 100
#define RESTART_MS_MAX 10000
#define WELL_MS 10000 /* who lived so long did not fail at once */

static int on_restart(struct loop_source *source, uint32_t events, void *arg);

static void forget_timer(struct agent_role *role)
{
	loop_remove(role->restart);
	role->restart = NULL;
}

static void end(struct agent_role *role)
{
	loop_remove(role->source);
	role->source = NULL;
	if (role->end)
		role->end(role);
	helper_stop(&role->helper);
}

static int end_and_restart(struct agent_role *role)
{
	uint64_t ms = (uint64_t)RESTART_MS << role->failures;

	end(role);
	if (ms < RESTART_MS_MAX)
		role->failures++;
	forget_timer(role);
	(void)fprintf(stderr, "ucr-agentd: %s ended; it is started again in %llu ms\n",
		role->program->name, (unsigned long long)ms);
	return loop_add_timer(role->agent->loop, ms, 0, on_restart, role, &role->restart);
}

static void give_up(struct agent_role *role, const struct ipc_msg *msg)
{
	struct err err;

	if (ipc_msg_err(msg, &err) == 0)
		agent_complain(role->program->name, &err);
	role->has_given_up = true;
	end(role);
}

static int on_helper(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_role *role = arg;
	struct ipc_msg *msg = &role->agent->msg;
	int r = ipc_recv(role->helper.socket_fd, msg);

	if (r == -EAGAIN)
		return 0;
	if (r <= 0)
		return end_and_restart(role);
	if (msg->type == role->program->error)
		give_up(role, msg);
	else
		r = role->take ? role->take(role, msg) : -EPROTO;
	ipc_msg_done(msg);
	return r < 0 ? end_and_restart(role) : 0;
}

static int on_well(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_role *role = arg;

	forget_timer(role);
	role->failures = 0;
	return 0;
}

static int begin(struct agent_role *role, struct err *err)
{
	struct agent *agent = role->agent;
	int r = fd_set_nonblock(role->helper.socket_fd, true);

	if (r == 0)
		r = loop_add_fd(agent->loop, role->helper.socket_fd, EPOLLIN, on_helper,
			role, &role->source);
	if (r == 0 && role->failures)
		r = loop_add_timer(
			agent->loop, WELL_MS, 0, on_well, role, &role->restart);
	if (r < 0)
		return err_set(err, -r, "wait for %s", role->program->name);
	return role->begin ? role->begin(role, err) : 0;
}

int agent_role_start(struct agent_role *role, struct err *err)
{
	int r = helper_start(role->program, engine_libexec_path(role->agent->engine), -1,
		&role->helper, err);

	if (r == 0)
		r = begin(role, err);
	if (r < 0)
		end(role);
	return r;
}

static int on_restart(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_role *role = arg;
	struct err err = { 0 };

	forget_timer(role);
	if (agent_role_start(role, &err) == 0)
		return 0;
	agent_complain(NULL, &err);
	return end_and_restart(role);
}

void agent_role_stop(struct agent_role *role)
{
	if (!role->agent)
		return;
	forget_timer(role);
	end(role);
}
