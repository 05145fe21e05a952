/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with ucr-unpack. It has read a stranger's bytes: whatever it says is
 * checked here again as far as it can be, and nothing it says becomes a path unchecked.
 */
#include "images/helper-progress.h"
#include "images/import-aci.h"
#include "images/import-private.h"
#include "images/pull.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define NOTES_MAX 1000

void import_note(const struct import_request *request, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (!request->notes)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	/* A note is a courtesy: without memory for it the import goes on. */
	if (n >= 0)
		(void)!strv_take(request->notes, text);
}

int import_decode(const struct ipc_msg *msg, const struct json_field *fields, void *out,
	struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, out, err);
	return r < 0 ? err_wrap(err, UNPACK_PROGRAM) : 0;
}

/* ---- REQUEST ---- */

void import_write_platform(struct json_writer *w, const struct platform *platform)
{
	jw_object(w, "platform");
	if (platform->os)
		jw_string(w, "os", platform->os);
	if (platform->architecture)
		jw_string(w, "architecture", platform->architecture);
	if (platform->variant)
		jw_string(w, "variant", platform->variant);
	jw_object_end(w);
}

/* From a directory of the host's own mounts ".." would lead to all of them. */
static int open_source(const struct import *import, int *ret_fd, struct err *err)
{
	int fd = import->source.held_fd >= 0 ? import->source.held_fd : import->source.fd;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at the archive");
	if (S_ISDIR(st.st_mode))
		return unpacker_directory(
			fd, ".", &import->request->userns, true, ret_fd, err);
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? err_set(err, errno, "open the archive") : 0;
}

static int send_request(struct import *import, struct err *err)
{
	const struct import_request *request = import->request;
	cleanup_buf struct buf b = BUF_INIT;
	cleanup_close int source_fd = -1, spool_fd = -1;
	struct json_writer w = JSON_WRITER(&b);
	int fds[2], r;

	if (mkdirat(import->stage_fd, "spool", 0700) < 0)
		return err_set(err, errno, "make a staging directory in the image store");
	r = unpacker_directory(
		import->stage_fd, "spool", &request->userns, false, &spool_fd, err);
	if (r == 0)
		r = open_source(import, &source_fd, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "import");
	jw_string(&w, "format",
		import->pull	      ? "oci"
		: request->build      ? "tar"
		: import->ref->format ? import->ref->format
				      : "auto");
	if (import->ref->tag)
		jw_string(&w, "tag", import->ref->tag);
	if (import->ref->kind == REFERENCE_ACI) {
		jw_string(&w, "name", import->ref->aci_name);
		jw_string_map(&w, "labels", import->ref->labels);
	}
	import_write_platform(&w, &request->platform);
	jw_bool(&w, "is_rootless", request->userns.userns_fd >= 0);
	jw_object_end(&w);
	fds[0] = source_fd;
	fds[1] = spool_fd;
	return helper_send(&import->unpacker, UNPACK_REQUEST, &b, fds, 2, err);
}

/* ---- PROGRESS, LAYER_DONE, DONE ---- */

static int on_progress(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	return helper_progress(
		msg, import->request->progress, import->request->progress_arg, err);
}

struct said_done_layer {
	uint32_t index;
	uint64_t bytes;
	bool has_archive;
	char *diff_id;
};

static const struct json_field done_layer_fields[] = {
	{ "index", json_u32, offsetof(struct said_done_layer, index), true },
	{ "bytes", json_u64, offsetof(struct said_done_layer, bytes), true },
	{ "diff_id", json_string, offsetof(struct said_done_layer, diff_id), true },
	{ "has_archive", json_bool, offsetof(struct said_done_layer, has_archive) },
	{ 0 },
};

static int finish_layer(
	struct import *import, const struct said_done_layer *said, struct err *err)
{
	struct import_layer *layer;
	int r;

	layer = said->index < import->layer_count ? &import->layers[said->index] : NULL;
	if (!layer || !layer->is_new || layer->is_done || !digest_is_valid(said->diff_id))
		return err_say(
			err, EPROTO, UNPACK_PROGRAM " finished a layer it was not given");
	if (*layer->layer.diff_id && !str_eq(layer->layer.diff_id, said->diff_id))
		return err_say(err, EBADMSG,
			"layer %u is %s, but the configuration lists %s", said->index,
			said->diff_id, layer->layer.diff_id);
	memcpy(layer->layer.diff_id, said->diff_id, strlen(said->diff_id) + 1);
	layer->layer.size = said->bytes;
	layer->is_done = true;
	r = store_set_layer_size(layer->dir_fd, said->bytes);
	if (r == 0)
		r = store_step(STEP_LAYER_UNPACKED);
	return r < 0 ? err_set(err, -r, "note the size of layer %u", said->index) : 0;
}

static int on_layer_done(
	struct import *import, const struct ipc_msg *msg, struct err *err)
{
	struct said_done_layer said = { 0 };
	int r;

	r = import_decode(msg, done_layer_fields, &said, err);
	if (r == 0)
		r = finish_layer(import, &said, err);
	if (r == 0)
		r = import_take_erofs(import, said.index, msg, said.has_archive, err);
	free(said.diff_id);
	return r;
}

static const struct json_field done_fields[] = {
	{ "notes", json_strv, 0 },
	{ 0 },
};

int import_take_notes(
	const struct import_request *request, const struct ipc_msg *msg, struct err *err)
{
	cleanup_strv strv notes = NULL;
	char shown[1024];
	size_t n = 0;
	int r;

	r = import_decode(msg, done_fields, &notes, err);
	strv_each (note, notes) {
		if (n++ >= NOTES_MAX)
			break;
		str_printable(*note, shown, sizeof(shown));
		import_note(request, "%s", shown);
	}
	return r;
}

static int on_done(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	char announced[DIGEST_MAX];
	int r;

	for (size_t i = 0; i < import->layer_count; i++) {
		if (!import->layers[i].is_done)
			return err_say(
				err, EPROTO, UNPACK_PROGRAM " left layer %zu out", i);
	}
	if (!import->format || msg->fd_count != 1)
		return err_say(
			err, EPROTO, UNPACK_PROGRAM " ended without a configuration");
	if (import->artifact) /* which is not looked into */
		return import_take_notes(import->request, msg, err);
	memcpy(announced, import->config.digest, sizeof(announced));
	r = import_read_blob(msg->fds[0], &import->config, err);
	if (r == 0 && *announced && !str_eq(announced, import->config.digest))
		r = err_say(err, EPROTO, UNPACK_PROGRAM " changed the configuration");
	if (r == 0)
		r = import_adopt_config(import, err);
	if (r == 0 && import->request->build)
		r = import_build_config(import, err);
	return r == 0 ? import_take_notes(import->request, msg, err) : r;
}

static const struct {
	enum unpack_msg type;
	int (*handle)(struct import *import, const struct ipc_msg *msg, struct err *err);
} handlers[] = {
	{ UNPACK_IMAGE, import_on_image },
	{ UNPACK_PROGRESS, on_progress },
	{ UNPACK_LAYER_DONE, on_layer_done },
	{ UNPACK_DONE, on_done },
	{ UNPACK_NEED, import_on_need },
};

static int handle(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == (enum unpack_msg)msg->type)
			return handlers[i].handle(import, msg, err);
	}
	return err_say(
		err, EPROTO, UNPACK_PROGRAM " sent an unknown message (%u)", msg->type);
}

/* Waits for either program; what ucr-fetch says is dealt with at once. */
static int wait_for_unpacker(struct import *import, struct err *err)
{
	int r = 0;

	while (r == 0 && !pull_is_over(import)) {
		struct pollfd fds[2] = { { import->unpacker.socket_fd, POLLIN, 0 },
			{ pull_fd(import), POLLIN, 0 } };

		if (poll(fds, 2, -1) < 0) {
			if (errno != EINTR)
				return err_set(err, errno, "wait for " UNPACK_PROGRAM);
			continue;
		}
		if (fds[0].revents)
			break;
		r = pull_receive(import, err);
	}
	return r;
}

int import_talk(struct import *import, struct err *err)
{
	struct ipc_msg msg;
	bool is_done;
	int r;

	r = unpacker_start(import->store->libexec_path, &import->request->userns,
		&import->unpacker, err);
	if (r == 0)
		r = send_request(import, err);
	if (r < 0)
		return r;
	do {
		r = wait_for_unpacker(import, err);
		if (r == 0)
			r = helper_recv(&import->unpacker, &msg, err);
		if (r < 0)
			return r;
		is_done = msg.type == UNPACK_DONE;
		r = handle(import, &msg, err);
		ipc_msg_done(&msg);
	} while (r == 0 && !is_done);
	return r;
}
