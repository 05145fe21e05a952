/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive of images that is sent to the agent. All of it is kept in an unnamed file before any
 * of it is read: what was cut off on its way is no archive, whatever a reader would make of it.
 */
#include "agentd/agent-docker.h"
#include "agentd/agent-own-ops.h"
#include "agentd/agent-streams.h"

#include "agentd/container-images.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "images/reference.h"
#include "runtime/attach-proto.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

/* Whoever sends nothing for so long has gone, or holds up others. */
#define IDLE_MS 60000

/* 1: a piece; 0: it has ended, as it should. */
static int receive_piece(int fd, struct attach_frame *frame, size_t *ret, struct err *err)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int r;

	do {
		r = poll(&ready, 1, IDLE_MS);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return err_say(err, ETIMEDOUT,
			"the archive: nothing was sent for %d seconds", IDLE_MS / 1000);
	r = attach_recv(fd, frame, ret);
	if (r == 1 && frame->type == ATTACH_STDIN)
		return *ret > 0;
	return err_say(err, EPIPE, "the archive was cut off on its way");
}

static int receive(int fd, int spool_fd, struct err *err)
{
	cleanup_free struct attach_frame *frame = malloc(sizeof(*frame));
	size_t len;
	int r;

	if (!frame)
		return err_oom(err);
	while ((r = receive_piece(fd, frame, &len, err)) > 0) {
		r = fd_write_all(spool_fd, frame->data, len);
		if (r < 0)
			return err_set(err, -r, "keep the archive");
	}
	return r;
}

/* It becomes the standard input, from its beginning. */
static int take_archive(struct agent *agent, struct agent_answer *answer, struct err *err)
{
	cleanup_close int spool_fd =
		fd_unnamed(engine_containers_dirfd(agent->engine), ".");
	cleanup_close int sender = -1, receiver = -1;
	int pair[2], r;

	if (spool_fd < 0)
		return err_set(err, -spool_fd, "make a temporary file");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "take what is sent");
	sender = pair[0];
	receiver = pair[1];
	r = agent_answer_input(answer, AGENT_FLOW_FRAMES, sender, err);
	(void)close(take_fd(&sender));
	if (r == 0)
		r = receive(receiver, spool_fd, err);
	if (r < 0)
		return r;
	if (lseek(spool_fd, 0, SEEK_SET) < 0 || dup2(spool_fd, STDIN_FILENO) < 0)
		return err_set(err, errno, "read the archive");
	return 0;
}

/* What stands for the archive, perhaps with its format and a tag: never a file of the host. */
static int check_reference(const char *text, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	int r = reference_parse(text, AT_FDCWD, &ref, err);

	if (r == 0 && ref.kind != REFERENCE_STDIN)
		return err_say(err, EINVAL, "reference: want \"-\", FORMAT:- or -:TAG");
	return r;
}

struct loaded {
	struct image *image;
	strv names, notes;
};
#define cleanup_loaded cleanup_with(loaded_done)

static void loaded_done(struct loaded *loaded)
{
	image_free(loaded->image);
	strv_free(loaded->names);
	strv_free(loaded->notes);
}

static int load(struct agent *agent, const char *reference, struct agent_answer *answer,
	struct loaded *ret, struct err *err)
{
	const struct import_request request = {
		.reference = reference,
		.pull = PULL_ALWAYS,
		.pull_options = &agent->pull,
		.takes_artifacts = true,
		.userns.userns_fd = -1,
		.notes = &ret->notes,
	};
	struct store *store;
	int r = check_reference(reference, err);

	if (r == 0)
		r = engine_store(agent->engine, &store, err);
	if (r == 0)
		r = take_archive(agent, answer, err);
	if (r == 0)
		r = engine_obtain(agent->engine, &request, reference, &ret->image, err);
	if (r == 0)
		r = store_names(store, ret->image->id, &ret->names, err);
	return r;
}

int agent_load_image(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_loaded struct loaded loaded = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = load(agent, call->image, answer, &loaded, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "LOAD_IMAGE");
	jw_object(&w, "load_image");
	jw_string(&w, "id", loaded.image->id);
	jw_strv(&w, "names", loaded.names);
	jw_string(&w, "manifest_digest", loaded.image->manifest_digest);
	jw_strv(&w, "notes", loaded.notes);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

/* A line that Docker's client shows as it is. */
static int say(struct buf *out, const char *text, const char *what, struct err *err)
{
	cleanup_free char *line = str_printf("%s%s\n", text, what);
	struct json_writer w = JSON_WRITER(out);

	if (!line)
		return err_oom(err);
	jw_object(&w, NULL);
	jw_string(&w, "stream", line);
	jw_object_end(&w);
	buf_putc(out, '\n');
	return 0;
}

int agent_docker_load(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_loaded struct loaded loaded = { 0 };
	int r = load(agent, "-", answer, &loaded, err);

	strv_each (note, loaded.notes) {
		if (r == 0)
			r = say(&answer->body, "", *note, err);
	}
	if (r == 0 && !loaded.names)
		r = say(&answer->body, "Loaded image ID: ", loaded.image->id, err);
	strv_each (name, loaded.names) {
		if (r == 0)
			r = say(&answer->body,
				"Loaded image: ", reference_familiar(*name), err);
	}
	return r;
}
