/* SPDX-License-Identifier: Apache-2.0 */
/* LAUNCH_CONTAINER: from a call to the options that `ucrctl run` has for the same. */
#include "agentd/agent-private.h"

#include "agentd/launch.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SHARES_OF_A_CPU 1024 /* as Mesos counts */
#define SHARES_MIN 2

/* The options point into this. */
struct launch_words {
	strv uris, command, environment;
	char memory[32], shares[32], cache[32];
};

static void words_done(struct launch_words *words)
{
	strv_free(words->uris);
	strv_free(words->command);
	strv_free(words->environment);
}

static int add_uris(const struct agent_call *call, strv *ret)
{
	for (size_t i = 0; i < call->uris.count; i++) {
		const struct agent_uri *uri = &call->uris.items[i];
		char *text = str_printf("%s%s%s%s%s%s", uri->value,
			uri->is_kept ? ",extract=false" : "",
			uri->is_executable ? ",executable=true" : "",
			uri->is_cached ? ",cache=true" : "",
			uri->output_file ? ",output_file=" : "",
			uri->output_file ? uri->output_file : "");

		if (strv_take(ret, text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A program is told by its value and gets the arguments as they are, its own name first. */
static int add_command(const struct agent_call *call, strv *ret)
{
	if (call->is_shell)
		return strv_add(ret, "/bin/sh") < 0 || strv_add(ret, "-c") < 0
			       ? -ENOMEM
			       : strv_add(ret, call->value);
	if (call->value && strv_add(ret, call->value) < 0)
		return -ENOMEM;
	strv_each (word, call->arguments) {
		if (call->value && word == call->arguments)
			continue;
		if (strv_add(ret, *word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void write_limits(const struct agent *agent, const struct agent_call *call,
	struct launch_words *words)
{
	uint64_t shares = call->cpu_milli * SHARES_OF_A_CPU / 1000;

	(void)snprintf(
		words->memory, sizeof(words->memory), "%" PRIu64, call->memory_bytes);
	(void)snprintf(words->shares, sizeof(words->shares), "%" PRIu64,
		shares < SHARES_MIN ? SHARES_MIN : shares);
	(void)snprintf(
		words->cache, sizeof(words->cache), "%" PRIu64, agent->fetch_cache_bytes);
}

static int make_words(const struct agent *agent, const struct agent_call *call,
	struct launch_words *words)
{
	int r = add_uris(call, &words->uris);

	if (r == 0)
		r = add_command(call, &words->command);
	if (r == 0)
		r = strv_copy(call->environment, &words->environment);
	write_limits(agent, call, words);
	return r;
}

static int find_image(struct agent *agent, const struct agent_call *call,
	struct image **ret, strv *notes, struct err *err)
{
	/* Whatever it is called: never a file of the host. */
	cleanup_free char *reference = str_printf("docker://%s", call->image);
	struct import_request request = {
		.reference = reference,
		.pull_options = &agent->pull,
		.userns.userns_fd = -1,
		.notes = notes,
	};
	struct store *store;
	int r;

	if (!reference)
		return err_oom(err);
	r = engine_store(agent->engine, &store, err);
	if (r == 0)
		r = image_lookup(store, &request, ret, err);
	return r == IMAGE_ABSENT ? image_obtain(store, &request, ret, err) : r;
}

static void write_notes(struct agent_answer *answer, char *const *image_notes,
	const struct launched *launched)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	if (!image_notes && !launched->notes)
		return;
	jw_object(&w, NULL);
	jw_array(&w, "notes");
	strv_each (note, image_notes)
		jw_string(&w, NULL, *note);
	strv_each (note, launched->notes)
		jw_string(&w, NULL, *note);
	jw_array_end(&w);
	jw_object_end(&w);
}

/* Once launched, an id stays launched: the answer of Mesos for a repetition. */
static bool is_there(struct agent *agent, const char *name)
{
	cleanup_container struct container *container = NULL;
	struct err ignored;

	return agent_find(agent, name, &container, &ignored) == 0;
}

static int launch(struct agent *agent, const struct agent_call *call,
	const struct launch_words *words, struct agent_answer *answer, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_container struct container *container = NULL;
	cleanup_launched struct launched launched = LAUNCHED_INIT;
	cleanup_strv strv notes = NULL;
	const struct run_options options = {
		.name = call->container,
		.fetch_cache_size = words->cache,
		.uris = words->uris,
		.command = words->command,
		.env = words->environment,
		.hostname = call->hostname,
		.user = call->user,
		.is_detached = true,
		.memory = call->memory_bytes ? words->memory : NULL,
		.cpu_shares = call->cpu_milli ? words->shares : NULL,
	};
	struct launch_request request = {
		.image_name = call->image ? call->image : "host:",
		.options = &options,
		.pull_options = &agent->pull,
	};
	int r;

	r = call->image
		    ? find_image(agent, call, &image, &notes, err)
		    : sandbox_host_image(engine_is_rootless(agent->engine), &image, err);
	if (r < 0)
		return r;
	request.image = image;
	r = launch_container(agent->engine, &request, &container, &launched, err);
	if (r == 0)
		write_notes(answer, notes, &launched);
	if (r == -EEXIST && is_there(agent, call->container)) {
		answer->status = 202;
		return 0;
	}
	/* An outcome is the program's own failure. */
	return r > 0 ? -EINVAL : r;
}

int agent_launch(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_with(words_done) struct launch_words words = { 0 };
	int r;

	if (is_there(agent, call->container)) {
		answer->status = 202;
		return 0;
	}
	r = make_words(agent, call, &words);
	return r < 0 ? err_oom(err) : launch(agent, call, &words, answer, err);
}
