/* SPDX-License-Identifier: Apache-2.0 */
/* A container made first and started later. */
#include "agentd/agent-docker.h"
#include "agentd/agent-launch.h"
#include "agentd/agent-volumes.h"

#include "agentd/container-asked.h"
#include "agentd/container-nested.h"
#include "agentd/container-private.h"
#include "agentd/launch.h"
#include "agentd/platform-option.h"
#include "common/cleanup.h"

#include <errno.h>
#include <time.h>

#define LOCK_NS 5000000
#define LOCK_LOOKS 1000
#define STATUS_CREATED 201
#define STATUS_NO_CONTENT 204
#define STATUS_NOT_MODIFIED 304

static int find_image(
	struct agent *agent, const char *name, struct image **ret, struct err *err)
{
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = store_find(store, name, ret, err);
	return r == IMAGE_ABSENT ? err_say(err, ENOENT, "No such image: %.200s", name)
				 : r;
}

/* One of another platform is answered as one that is not there: the docker command pulls it then. */
static int find_asked(struct agent *agent, const struct agent_call *call,
	struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	char words[PLATFORM_WORDS_MAX];
	struct platform platform = { 0 };
	int r = platform_option_parse(call->platform, words, &platform, err);

	if (r == 0)
		r = find_image(agent, call->image, &image, err);
	if (r == 0)
		r = image_check_platform(image, &platform, err);
	if (r < 0)
		return r;
	*ret = take_ptr(image);
	return 0;
}

static void write_made(struct agent_answer *answer, const struct container *container,
	char *const *notes)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_string(&w, "Id", container->id);
	jw_array(&w, "Warnings");
	strv_each (note, notes)
		jw_string(&w, NULL, *note);
	jw_array_end(&w);
	jw_object_end(&w);
	answer->status = STATUS_CREATED;
}

int agent_docker_create(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_container struct container *container = NULL, *parent = NULL;
	cleanup_strv strv notes = NULL;
	cleanup_agent_volumes struct agent_volumes volumes = { 0 };
	struct agent_launch_options options;
	struct agent_call asked = *call;
	struct launch_request request = {
		.image_name = call->image,
		.options = &options.run,
		.asked = &asked,
	};
	int r = agent_find_parent(agent, call, &parent, err);

	/* As Docker's: whoever wants none says so. In another container it is that one's. */
	if (!asked.run.network && !parent && !engine_is_rootless(agent->engine))
		asked.run.network = "bridge";
	if (r == 0)
		r = find_asked(agent, call, &image, err);
	if (r == 0)
		r = agent_launch_options(agent, &asked, parent != NULL, &options, err);
	if (r == 0 && !parent)
		r = agent_volumes_open(agent, &options.run, &volumes, err);
	if (r < 0)
		return r;
	request.image = image;
	request.parent = parent;
	request.volume_fds = volumes.fds;
	request.volume_fd_count = volumes.count;
	r = launch_make(agent->engine, &request, &container, &notes, err);
	if (r == 0)
		write_made(answer, container, notes);
	return r;
}

/* ---- starting ---- */

/* Whatever the scope of the call that starts it: where it was made. */
static int load_parent(struct agent *agent, const struct container *container,
	struct container **ret, struct err *err)
{
	const char *id = container_parent(container);

	return id ? container_find_in(agent->engine, NULL, id, ret, err) : 0;
}

static int start(struct agent *agent, const struct agent_call *call,
	struct container *container, const struct agent_call *asked, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_container struct container *started = NULL, *parent = NULL;
	cleanup_launched struct launched launched = LAUNCHED_INIT;
	cleanup_agent_volumes struct agent_volumes volumes = { 0 };
	struct agent_launch_options options;
	struct launch_request request = {
		.image_name = container->image,
		.options = &options.run,
		.pull_options = agent_pull_options(agent, call),
		.made = container,
		.client_fd = agent_docker_client(agent, container->id),
	};
	int r = find_image(agent, container->image_id, &image, err);

	if (r == 0)
		r = load_parent(agent, container, &parent, err);
	if (r == 0)
		r = agent_launch_options(agent, asked, parent != NULL, &options, err);
	if (r == 0 && !parent)
		r = agent_volumes_open(agent, &options.run, &volumes, err);
	if (r < 0)
		return r;
	request.parent = parent;
	options.run.name = container->name;
	options.run.is_detached = !request.client_fd;
	request.image = image;
	request.volume_fds = volumes.fds;
	request.volume_fd_count = volumes.count;
	r = launch_container(agent->engine, &request, &started, &launched, err);
	/* An outcome is the program's own failure. */
	return r > 0 ? -EINVAL : r;
}

/* The one that cleaned up after the last run still has the lock for a moment. */
static void wait_for_lock(const struct container *container)
{
	const struct timespec a_moment = { .tv_nsec = LOCK_NS };

	for (int i = 0; i < LOCK_LOOKS && container_is_supervised(container->dirfd); i++)
		(void)nanosleep(&a_moment, NULL);
}

static int start_again(struct agent *agent, const struct agent_call *call,
	struct container *container, struct err *err)
{
	cleanup_agent_call struct agent_call asked = { 0 };
	struct err ignored;
	int r = container_asked_read(container->dirfd, &asked, err);

	if (r == -ENOENT)
		return err_say(err, EEXIST,
			"container %.*s was not made to be started again: run a new one",
			CONTAINER_SHORT_ID, container->id);
	if (r == 0)
		r = container_cleanup(agent->engine, container, err);
	if (r == 0)
		wait_for_lock(container);
	if (r == 0)
		r = start(agent, call, container, &asked, err);
	/* What is to be removed when it ends is, when it cannot begin. */
	if (r < 0 && container->is_auto_removed)
		(void)!container_remove(agent->engine, container, false, &ignored);
	return r;
}

int agent_docker_start(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_find(agent, call, &container, err);

	if (r < 0)
		return r;
	answer->status = STATUS_NOT_MODIFIED;
	if (container_is_live(container))
		return 0;
	answer->status = STATUS_NO_CONTENT;
	return start_again(agent, call, container, err);
}

int agent_docker_restart(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_stop(agent, call, answer, err);

	if (r == 0)
		r = agent_docker_find(agent, call, &container, err);
	answer->status = STATUS_NO_CONTENT;
	return r == 0 ? start_again(agent, call, container, err) : r;
}
