/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "agentd/container-images.h"
#include "agentd/platform-option.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define SHOWN_NS (TIMESTAMP_SECOND / 10) /* so often at most, of one thing */
#define WHAT_ROOM 32

/* How far it is, told as lines of JSON. */
struct telling {
	int fd;
	size_t layer;
	char what[WHAT_ROOM];
	int64_t shown;
};

/* A line that a client has no room for is left out; the last ones wait. */
static void tell(const struct telling *telling, struct buf *line, bool is_last)
{
	buf_puts(line, "\r\n");
	if (fd_set_nonblock(telling->fd, !is_last) < 0 || buf_finish(line) < 0)
		return;
	if (is_last)
		(void)!fd_write_all(telling->fd, line->data, line->len);
	else
		(void)!write(telling->fd, line->data, line->len);
}

static void write_progress(struct json_writer *w, uint64_t done, uint64_t total)
{
	jw_object(w, "progressDetail");
	if (total) {
		jw_u64(w, "current", done);
		jw_u64(w, "total", total);
	}
	jw_object_end(w);
}

static void on_progress(const char *what, size_t layer, size_t layers, uint64_t done,
	uint64_t total, void *arg)
{
	struct telling *telling = arg;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_free char *id = str_printf("layer %zu", layer + 1);
	int64_t now = timestamp_now();

	if (telling->layer == layer && str_eq(telling->what, what) &&
		now - telling->shown < SHOWN_NS)
		return;
	telling->layer = layer;
	telling->shown = now;
	(void)snprintf(telling->what, sizeof(telling->what), "%s", what);
	jw_object(&w, NULL);
	jw_string(&w, "status", what);
	write_progress(&w, done, total);
	if (layers)
		jw_string(&w, "id", id);
	jw_object_end(&w);
	tell(telling, &b, false);
}

static void tell_status(const struct telling *telling, const char *text, const char *name)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_free char *status = str_printf("%s%s", text, name);

	jw_object(&w, NULL);
	jw_string(&w, "status", status);
	jw_object_end(&w);
	tell(telling, &b, true);
}

static void tell_failure(const struct telling *telling, const struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_free char *text =
		str_printf("%s%s%s", err->text, *err->hint ? ": " : "", err->hint);

	jw_object(&w, NULL);
	jw_object(&w, "errorDetail");
	jw_string(&w, "message", text);
	jw_object_end(&w);
	jw_string(&w, "error", text);
	jw_object_end(&w);
	tell(telling, &b, true);
}

static void pull(struct agent *agent, const struct agent_call *call, const char *name,
	struct telling *telling)
{
	cleanup_image struct image *before = NULL, *image = NULL;
	cleanup_free char *reference = str_printf("docker://%s", name);
	cleanup_strv strv notes = NULL;
	char words[PLATFORM_WORDS_MAX];
	struct pull_options options = *agent_pull_options(agent, call);
	struct import_request request = {
		.reference = reference,
		.pull = PULL_ALWAYS,
		.pull_options = &options,
		.userns.userns_fd = -1,
		.progress = on_progress,
		.progress_arg = telling,
		.notes = &notes,
	};
	struct err err = { 0 }, ignored;
	struct store *store;
	int r = reference ? engine_store(agent->engine, &store, &err) : err_oom(&err);

	options.credentials = call->docker.login;
	if (r == 0 && store_find(store, name, &before, &ignored) < 0)
		before = NULL;
	if (r == 0)
		r = platform_option_parse(call->platform, words, &request.platform, &err);
	if (r == 0)
		r = engine_obtain(agent->engine, &request, name, &image, &err);
	if (r < 0) {
		tell_failure(telling, &err);
		return;
	}
	strv_each (note, notes)
		tell_status(telling, "", *note);
	tell_status(telling, "Digest: ", image->manifest_digest);
	tell_status(telling,
		before && str_eq(before->id, image->id)
			? "Status: Image is up to date for "
			: "Status: Downloaded newer image for ",
		name);
}

static int name_of(const struct agent_call *call, char **ret, struct err *err)
{
	const char *tag = call->docker.tag;
	const char *mark = !tag ? "" : strchr(tag, ':') ? "@" : ":";

	if (call->docker.path)
		return err_say(
			err, EINVAL, "fromSrc: archives are not imported by this agent");
	if (!call->image)
		return err_say(err, EINVAL, "fromImage: want the name of an image");
	*ret = str_printf("%s%s%s", call->image, mark, tag ? tag : "");
	return *ret ? 0 : err_oom(err);
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	cleanup_free char *name = NULL;
	struct telling telling = { .fd = fd, .layer = SIZE_MAX };
	struct err err = { 0 };

	if (name_of(call, &name, &err) < 0)
		tell_failure(&telling, &err);
	else
		pull(agent, call, name, &telling);
}

int agent_docker_pull(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_free char *name = NULL;
	char words[PLATFORM_WORDS_MAX];
	struct platform ignored;
	int r = name_of(call, &name, err);

	if (r == 0)
		r = platform_option_parse(call->platform, words, &ignored, err);
	return r < 0 ? r : agent_docker_pipe(answer, follow, err);
}
