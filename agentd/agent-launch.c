/* SPDX-License-Identifier: Apache-2.0 */
/* LAUNCH_CONTAINER, and RUN_CONTAINER. */
#include "agentd/agent-launch.h"
#include "agentd/agent-own-ops.h"
#include "agentd/agent-volumes.h"

#include "agentd/agent-network.h"
#include "agentd/container-images.h"
#include "agentd/launch-nested.h"
#include "agentd/platform-option.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* RUN_CONTAINER: the caller is a person's command, and what it is told is for a person. */
static bool is_run(const struct agent_call *call)
{
	return str_eq(call->op, "run");
}

/* A worker's own copy. Logins are the host's: who is in a container brings none with him. */
const struct pull_options *agent_pull_options(
	struct agent *agent, const struct agent_call *call)
{
	if (call->scope)
		agent->pull.auth_files = NULL;
	return &agent->pull;
}

static int find_image(struct agent *agent, const struct agent_call *call,
	struct image **ret, strv *notes, struct err *err)
{
	/* Whatever it is called: never a file of the host. */
	cleanup_free char *reference = str_printf("docker://%s", call->image);
	char words[PLATFORM_WORDS_MAX];
	struct import_request request = {
		.reference = reference,
		.pull_options = agent_pull_options(agent, call),
		.userns.userns_fd = -1,
		.notes = notes,
	};
	struct store *store;
	int r;

	if (!reference)
		return err_oom(err);
	r = platform_option_parse(call->platform, words, &request.platform, err);
	if (r == 0)
		r = engine_store(agent->engine, &store, err);
	if (r == 0)
		r = image_lookup(store, &request, ret, err);
	return r == IMAGE_ABSENT
		       ? engine_obtain(agent->engine, &request, call->image, ret, err)
		       : r;
}

/* Mesos has no answer but that it was done. */
static void write_launched(struct agent_answer *answer, const struct agent_call *call,
	const struct container *container, char *const *image_notes,
	const struct launched *launched)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	if (!is_run(call) && !image_notes && !launched->notes)
		return;
	jw_object(&w, NULL);
	if (is_run(call))
		jw_string(&w, "id", container->id);
	jw_array(&w, "notes");
	strv_each (note, image_notes)
		jw_string(&w, NULL, *note);
	strv_each (note, launched->notes)
		jw_string(&w, NULL, *note);
	jw_array_end(&w);
	jw_object_end(&w);
}

/* Once launched, an id stays launched: the answer of Mesos for a repetition. */
static bool is_there(struct agent *agent, const struct agent_call *call)
{
	cleanup_container struct container *container = NULL;
	struct err ignored;

	return !is_run(call) &&
	       agent_find(agent, call, call->container, &container, &ignored) == 0;
}

/* What reaches the host. What is the outer container's to give is held against that by
 * agentd/launch-nested.h, so the host's lists of these say nothing about it. */
static int check_nested(
	struct agent *agent, const struct agent_call *call, struct err *err)
{
	struct run_options asked = call->run;

	if (call->is_labelled)
		asked.labels = NULL;
	asked.volumes = asked.devices = NULL;
	asked.user = asked.userns = NULL;
	return policy_check(&agent->policy, &asked, err);
}

int agent_launch_options(struct agent *agent, const struct agent_call *call,
	bool is_nested, struct agent_launch_options *ret, struct err *err)
{
	struct run_options asked;
	int r = agent_call_check_run(call, err);

	if (r < 0)
		return r;
	ret->run = call->run;
	(void)snprintf(
		ret->cache, sizeof(ret->cache), "%" PRIu64, agent->fetch_cache_bytes);
	ret->run.name = call->container;
	ret->run.fetch_cache_size = ret->cache;
	ret->run.is_detached = true;
	if (is_nested)
		return check_nested(agent, call, err);
	if (!ret->run.userns)
		ret->run.userns = agent->options->userns;
	ret->run.id_range = agent->options->id_range;
	asked = ret->run;
	if (call->is_labelled)
		asked.labels = NULL;
	r = policy_check(&agent->policy, &asked, err);
	if (r == 0)
		r = agent_network_check(agent, &ret->run, err);
	return r == 0 ? agent_network_limit(agent, &ret->run, err) : r;
}

static int choose_image(struct agent *agent, const struct agent_call *call,
	bool is_nested, struct image **ret, strv *notes, struct err *err)
{
	if (call->image)
		return find_image(agent, call, ret, notes, err);
	return is_nested
		       ? launch_nested_image(ret, err)
		       : sandbox_host_image(engine_is_rootless(agent->engine), ret, err);
}

static int launch(struct agent *agent, const struct agent_call *call,
	const struct container *parent, struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_container struct container *container = NULL;
	cleanup_launched struct launched launched = LAUNCHED_INIT;
	cleanup_agent_volumes struct agent_volumes volumes = { 0 };
	cleanup_strv strv notes = NULL;
	struct agent_launch_options options;
	struct launch_request request = {
		.image_name = call->image ? call->image
			      : parent	  ? "parent:"
					  : "host:",
		.options = &options.run,
		.pull_options = agent_pull_options(agent, call),
		.shared_ids = call->shared_ids,
		.parent = parent,
		.holder = call->holder,
		.news_fd = &agent->nested.news_fds[1],
	};
	int r;

	r = agent_launch_options(agent, call, parent != NULL, &options, err);
	/* Those of a container in another one are paths of that one. */
	if (r == 0 && !parent)
		r = agent_volumes_open(agent, &options.run, &volumes, err);
	if (r < 0)
		return r;
	options.run.is_detached = !call->is_attached;
	if (options.run.is_session && options.run.is_detached)
		return err_say(err, EINVAL,
			"run.is_session: it would end at once: attach to it, too");
	request.volume_fds = volumes.fds;
	request.volume_fd_count = volumes.count;
	r = choose_image(agent, call, parent != NULL, &image, &notes, err);
	if (r < 0)
		return r;
	request.image = image;
	r = launch_container(agent->engine, &request, &container, &launched, err);
	if (r == 0)
		write_launched(answer, call, container, notes, &launched);
	if (r == 0 && call->is_attached) {
		answer->flow = AGENT_FLOW_FRAMES;
		answer->fd = take_fd(&launched.attach_fd);
	}
	if (r == -EEXIST && is_there(agent, call)) {
		answer->status = 202;
		return 0;
	}
	/* An outcome is the program's own failure. */
	return r > 0 ? agent_answer_outcome(answer, r, err) : r;
}

int agent_launch(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *parent = NULL;
	int r;

	if (is_there(agent, call)) {
		answer->status = 202;
		return 0;
	}
	r = agent_find_parent(agent, call, &parent, err);
	if (r == 0 && !parent && call->is_nested)
		r = err_say(err, EINVAL,
			"container_id.parent: want the container that it shall be in");
	return r < 0 ? r : launch(agent, call, parent, answer, err);
}
