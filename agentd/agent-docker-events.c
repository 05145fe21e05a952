/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's events: the worker stays as long as somebody reads, or until the time asked for. */
#include "agentd/agent-docker.h"
#include "agentd/agent-streams.h"

#include "agentd/docker-event.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"

struct listener {
	const struct agent_call *call;
	struct agent_sight sight;
	int fd;
};

static int on_event(const struct event *event, void *arg)
{
	struct listener *listener = arg;
	cleanup_buf struct buf b = BUF_INIT;
	int r;

	if (!agent_sight_has(&listener->sight, event))
		return 0;
	docker_event_write(&b, event, listener->call->docker.filters);
	r = buf_finish(&b);
	return r < 0 ? r : fd_write_all(listener->fd, b.data, b.len);
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	const struct docker_options *o = &call->docker;
	struct listener listener = {
		.call = call, .sight = { .agent = agent, .call = call }, .fd = fd
	};
	const struct events_options options = { .follow = true,
		.since = o->since || o->until ? o->since : timestamp_now(),
		.until = o->until,
		.gone_fd = fd };
	struct err ignored;

	(void)!events_read(agent->engine, &options, on_event, &listener, &ignored);
	strv_free(listener.sight.seen);
}

int agent_docker_events(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	int r = docker_event_filters_check(call->docker.filters, err);

	return r < 0 ? r : agent_docker_pipe(answer, follow, err);
}
