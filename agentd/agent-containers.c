/* SPDX-License-Identifier: Apache-2.0 */
/* What ucrctl asks of containers that no call of Mesos tells. */
#include "agentd/agent-own-ops.h"

#include "agentd/container-json.h"
#include "agentd/container-usage.h"
#include "agentd/container-wire.h"
#include "agentd/measure-wire.h"
#include "agentd/process.h"
#include "agentd/profile-container.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

int agent_list_containers(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = agent_list(agent, call, &list, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "LIST_CONTAINERS");
	jw_object(&w, "list_containers");
	jw_array(&w, "containers");
	for (size_t i = 0; i < list.count; i++)
		container_write(&w, NULL, list.items[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

int agent_find_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	/* By what a person calls it, which the other calls do not take: a repetition of this one
	 * changes nothing. */
	int r = agent_find_reference(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "FIND_CONTAINER");
	container_write(&w, "find_container", container);
	jw_object_end(&w);
	return 0;
}

int agent_inspect_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = agent_find(agent, call, call->container, &container, err);

	return r < 0 ? r
		     : container_write_inspect(
			       &w, agent->engine, container, INSPECT_AS_UCR, err);
}

/* The first of two steps: whoever asked waits for the end, and may kill when the time is over. */
int agent_stop_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	int64_t left_ms = 0;
	uint64_t ms = 0;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	if (call->timeout && str_to_ms(call->timeout, &ms) < 0)
		return err_say(err, EINVAL, "stop_container.timeout: want a time");
	r = container_ask_to_stop(agent->engine, container,
		call->timeout ? (int64_t)ms : -1, &left_ms, err);
	if (r < 0)
		return r;
	left_ms -= container_now_ms();
	jw_object(&w, NULL);
	jw_string(&w, "type", "STOP_CONTAINER");
	jw_object(&w, "stop_container");
	jw_i64(&w, "remaining_ms", left_ms > 0 ? left_ms : 0);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

int agent_measure_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	struct container_measure measure = { 0 };
	int r = agent_find(agent, call, call->container, &container, err);

	if (r == 0)
		r = container_measure(agent->engine, container, &measure, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "MEASURE_CONTAINER");
	measure_write(&w, "measure_container", &measure);
	jw_object_end(&w);
	return 0;
}

int agent_profile_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	cleanup_buf struct buf drawing = BUF_INIT;
	uint64_t samples;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r == 0)
		r = profile_container(
			agent->engine, container, &call->flame, &drawing, &samples, err);
	if (r < 0)
		return r;
	if (buf_finish(&drawing) < 0)
		return err_oom(err);
	jw_object(&w, NULL);
	jw_string(&w, "type", "PROFILE_CONTAINER");
	jw_object(&w, "profile_container");
	jw_u64(&w, "samples", samples);
	jw_string(&w, "drawing", drawing.data);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

static void write_processes(
	struct json_writer *w, int proc_dirfd, const pid_t *pids, size_t count)
{
	struct process process;

	for (size_t i = 0; i < count; i++) {
		/* One that has ended meanwhile is no failure. */
		if (process_read(proc_dirfd, pids[i], &process) == 0)
			process_write(w, &process);
	}
}

int agent_list_processes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_close int proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct json_writer w = JSON_WRITER(&answer->body);
	cleanup_free pid_t *pids = NULL;
	size_t count;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r == 0 && proc_dirfd < 0)
		r = err_set(err, errno, "open /proc");
	if (r == 0)
		r = container_pids(agent->engine, container, &pids, &count, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "LIST_PROCESSES");
	jw_object(&w, "list_processes");
	jw_array(&w, "processes");
	write_processes(&w, proc_dirfd, pids, count);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}
