/* SPDX-License-Identifier: Apache-2.0 */
/* The events, as lines of JSON: the worker stays as long as somebody reads. */
#include "agentd/agent-streams.h"

#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct follower {
	struct agent_sight sight;
	uint64_t last;
	int fd;
};

static bool is_seen(const struct agent_sight *sight, const char *id)
{
	strv_each (seen, sight->seen) {
		if (str_eq(*seen, id))
			return true;
	}
	return false;
}

bool agent_sight_has(struct agent_sight *sight, const struct event *event)
{
	cleanup_container struct container *container = NULL;

	if (!sight->call->scope)
		return true;
	if (!event->id)
		return false;
	if (is_seen(sight, event->id))
		return true;
	return agent_find(sight->agent, sight->call, event->id, &container, NULL) == 0 &&
	       strv_add(&sight->seen, event->id) == 0;
}

static int put_event(struct follower *follower, const struct event *event)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	event_write(&w, event);
	buf_putc(&b, '\n');
	r = buf_finish(&b);
	return r < 0 ? r : fd_write_all(follower->fd, b.data, b.len);
}

/* Some may have been dropped with the oldest file since: who resumes must know. */
static int put_gap(struct follower *follower, uint64_t first)
{
	char missed[32];
	char *attributes[] = { missed, NULL };
	const struct event gap = { .seq = first - 1,
		.time = timestamp_now(),
		.type = "missed",
		.attributes = attributes };

	(void)snprintf(missed, sizeof(missed), "events=%llu",
		(unsigned long long)(first - 1 - follower->last));
	return put_event(follower, &gap);
}

static int on_event(const struct event *event, void *arg)
{
	struct follower *follower = arg;
	int r = 0;

	if (follower->last && event->seq > follower->last + 1)
		r = put_gap(follower, event->seq);
	if (event->seq)
		follower->last = event->seq;
	if (r == 0 && agent_sight_has(&follower->sight, event))
		r = put_event(follower, event);
	return r;
}

/* Who says nothing of a beginning, and follows, wants what is still to come. */
static int64_t begin(const struct agent_call *call)
{
	bool has_beginning = call->has_events_after || call->events_after ||
			     call->log.until || !call->log.is_followed;

	return call->log.since || has_beginning ? call->log.since : timestamp_now();
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	struct follower follower = { .sight = { .agent = agent, .call = call },
		.last = call->events_after,
		.fd = fd };
	const struct events_options options = { .follow = call->log.is_followed,
		.since = begin(call),
		.until = call->log.until,
		.after_seq = call->events_after,
		.gone_fd = fd };
	struct err ignored;

	(void)!events_read(agent->engine, &options, on_event, &follower, &ignored);
	strv_free(follower.sight.seen);
}

int agent_events(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
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
