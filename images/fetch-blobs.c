/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an image, several at once, each into the file that the client gave for it and
 * on from where an earlier download stopped. */
#include "images/fetch.h"

#include "common/cleanup.h"
#include "images/image.h"
#include "images/oci-document.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1U << 17)

struct blob {
	size_t index; /* of the layer */
	const struct oci_descriptor *descriptor;
	char *path;
	int64_t progress_ms; /* when progress was told last */
};

struct blobs {
	struct fetch_job *job;
	const struct oci_descriptors *layers;
	struct blob items[IMAGE_LAYERS_MAX];
	struct http_transfer transfers[IMAGE_LAYERS_MAX];
	size_t count;
};

/* ---- what is wanted ---- */

static int check_blob(struct http_transfer *t, struct err *err)
{
	const struct blob *blob = t->check_arg;
	struct hash hash = t->body.hash;
	char got[DIGEST_MAX];

	hash_digest(&hash, got);
	if (t->body.offset != blob->descriptor->size)
		return err_say(err, EBADMSG,
			"layer %zu: it has %" PRIu64 " bytes, not the %" PRIu64
			" of its descriptor",
			blob->index, t->body.offset, blob->descriptor->size);
	if (!str_eq(got, blob->descriptor->digest))
		return err_say(err, EBADMSG,
			"layer %zu: its digest is wrong: expected %s, got %s",
			blob->index, blob->descriptor->digest, got);
	return 0;
}

/* What an earlier download left is part of the digest. */
static int hash_present(struct http_body *body, uint64_t size, struct err *err)
{
	cleanup_free char *piece = malloc(PIECE);
	struct stat st;
	ssize_t n;

	if (!piece)
		return err_oom(err);
	hash_init(&body->hash);
	if (fstat(body->fd, &st) < 0 ||
		((uint64_t)st.st_size > size && ftruncate(body->fd, 0) < 0) ||
		lseek(body->fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "look at an unfinished download");
	while ((n = read(body->fd, piece, PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read an unfinished download");
		hash_update(&body->hash, piece, (size_t)n);
		body->offset += (uint64_t)n;
	}
	return 0;
}

static int add_blob(
	struct blobs *blobs, size_t index, int fd, size_t endpoint, struct err *err)
{
	const struct oci_descriptor *d = &blobs->layers->items[index];
	struct blob *blob = &blobs->items[blobs->count];
	struct http_transfer *t = &blobs->transfers[blobs->count++];

	blob->index = index;
	blob->descriptor = d;
	t->body = (struct http_body){ .fd = fd, .max = d->size, .is_checked = true };
	t->check = check_blob;
	t->check_arg = blob;
	t->endpoint = endpoint;
	t->path = blob->path =
		str_printf("/v2/%s/blobs/%s", blobs->job->request.repository, d->digest);
	if (!blob->path)
		return err_oom(err);
	return hash_present(&t->body, d->size, err);
}

struct said_blob {
	uint32_t index;
};

static const struct json_field said_fields[] = {
	{ "index", json_u32, offsetof(struct said_blob, index), true },
	{ 0 },
};

static int take_blob(
	struct blobs *blobs, struct ipc_msg *msg, size_t endpoint, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct said_blob said = { 0 };
	int r;

	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), said_fields, &said, err);
	if (r < 0)
		return r;
	if (said.index >= blobs->layers->count || blobs->count >= IMAGE_LAYERS_MAX ||
		msg->fd_count != 1)
		return err_say(err, EPROTO, "a layer is asked for that is not there");
	return add_blob(blobs, said.index, take_fd(&msg->fds[0]), endpoint, err);
}

static int receive_wanted(struct blobs *blobs, size_t endpoint, struct err *err)
{
	struct ipc_msg *msg = blobs->job->msg;
	int r;

	for (;;) {
		ipc_msg_done(msg);
		r = ipc_recv(blobs->job->peer_fd, msg);
		if (r <= 0)
			return err_say(
				err, EPROTO, "nobody said which layers are wanted");
		if (msg->type == FETCH_WANTED)
			return 0;
		if (msg->type != FETCH_BLOB)
			return err_say(err, EPROTO, "an unknown message came");
		r = take_blob(blobs, msg, endpoint, err);
		if (r < 0)
			return r;
	}
}

/* ---- what came ---- */

static void on_progress(const struct http_transfer *t, void *arg)
{
	struct blobs *blobs = arg;
	struct blob *blob = &blobs->items[t - blobs->transfers];

	fetch_progress(blobs->job, &blob->progress_ms,
		&(struct fetch_state){ "pull", blob->index, blobs->layers->count,
			t->body.offset, blob->descriptor->size });
}

static int send_blob_done(struct fetch_job *job, size_t index, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "index", index);
	jw_object_end(&w);
	return fetch_send(job, FETCH_BLOB_DONE, &b, NULL, 0, err);
}

static int on_done(struct http_transfer *t, void *arg, struct err *err)
{
	struct blobs *blobs = arg;

	return send_blob_done(blobs->job, blobs->items[t - blobs->transfers].index, err);
}

int fetch_blobs(struct fetch_job *job, const struct oci_descriptors *layers,
	size_t endpoint, struct err *err)
{
	struct blobs *blobs = calloc(1, sizeof(*blobs));
	int r;

	if (!blobs)
		return err_oom(err);
	blobs->job = job;
	blobs->layers = layers;
	r = receive_wanted(blobs, endpoint, err);
	job->session.on_progress = on_progress;
	job->session.arg = blobs;
	if (r == 0)
		r = http_run(&job->session, blobs->transfers, blobs->count,
			job->request.access.max_concurrent, on_done, err);
	for (size_t i = 0; i < blobs->count; i++) {
		(void)close(blobs->transfers[i].body.fd);
		http_transfer_done(&blobs->transfers[i]);
		free(blobs->items[i].path);
	}
	free(blobs);
	return r;
}
