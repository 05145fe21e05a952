/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/question.h"

#include "agentd/agent-call.h"
#include "agentd/agent-proto.h"
#include "common/cleanup.h"
#include "common/str.h"
#include "ucrctl/backend.h"
#include "ucrctl/print.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define TYPE_MAX 64
#define UPLOAD_PIECE 65536
#define ANSWER_MAX (256U << 20) /* of thousands of containers */

/* LIST_IMAGES has its words in list_images. */
static const char *member_of(const char *type, char ret[TYPE_MAX])
{
	size_t i = 0;

	for (; type[i] && i < TYPE_MAX - 1; i++)
		ret[i] = (char)tolower((unsigned char)type[i]);
	ret[i] = '\0';
	return ret;
}

void question_begin(struct question *q, const char *type)
{
	char member[TYPE_MAX];

	*q = (struct question){ .type = type };
	q->w = (struct json_writer)JSON_WRITER(&q->text);
	jw_object(&q->w, NULL);
	jw_string(&q->w, "type", type);
	jw_object(&q->w, member_of(type, member));
}

void question_container(struct question *q, const char *id)
{
	jw_object(&q->w, "container_id");
	jw_string(&q->w, "value", id);
	jw_object_end(&q->w);
}

int question_check_registry(const struct registry_options *o, struct err *err)
{
	if (!o ||
		!(o->registries || o->authfile || o->credentials || o->credentials_file))
		return 0;
	(void)err_say(err, ENOTSUP,
		"the agent reaches registries in its own way: "
		"--registries, --authfile and --creds are not handed on");
	return err_hint(err, "configure the agent: registries.json, see ucr-agentd(8)");
}

void question_platform(struct question *q, const struct platform *p)
{
	cleanup_free char *text = NULL;

	if (!p->architecture)
		return;
	text = str_printf("%s%s%s%s%s", p->os ? p->os : "", p->os ? "/" : "",
		p->architecture, p->variant ? "/" : "", p->variant ? p->variant : "");
	jw_string(&q->w, "platform", text);
}

void question_done(struct question *q)
{
	buf_done(&q->text);
	http_client_free(q->client);
	q->client = NULL;
}

static int say_absent(const struct ctl *ctl, int r, struct err *err)
{
	if (r == -ENOENT || r == -ECONNREFUSED) {
		/* Not what an agent says of something that is not there. */
		(void)err_say(
			err, ECONNREFUSED, "no agent answers at %s", ctl->socket_path);
		return err_hint(err,
			"start ucr-agentd there, or leave --host and " HOST_VARIABLE
			" out to work on this host's own containers");
	}
	if (r == -EACCES)
		return err_hint(
			err, "only the agent's own user and root may speak to it");
	return r;
}

static int send_question(
	struct question *q, struct ctl *ctl, const char *upgrade, struct err *err)
{
	struct http_request request = { "POST", "/api/v1", AGENT_JSON,
		.accept = AGENT_JSON };
	int r;

	jw_object_end(&q->w);
	jw_object_end(&q->w);
	if (buf_finish(&q->text) < 0)
		return err_oom(err);
	request.upgrade = upgrade;
	request.body = q->text.data;
	request.body_len = q->text.len;
	r = http_client_open(ctl->socket_path, &q->client, err);
	if (r < 0)
		return say_absent(ctl, r, err);
	return http_client_ask(q->client, &request, err);
}

int question_send(struct question *q, struct ctl *ctl, struct err *err)
{
	return send_question(q, ctl, NULL, err);
}

/* What the other end says of a failure, which is not ours to believe but to show. */
static int take_failure(struct question *q, unsigned int status,
	const struct json_doc *doc, struct err *err)
{
	static const struct json_field fields[] = { { "exit_status", json_i32, 0 },
		{ 0 } };
	const struct json *root = doc ? json_root(doc) : NULL;
	const char *text = json_get_string(root, "error");
	const char *hint = json_get_string(root, "hint");
	int r = agent_status_error(status);
	int32_t exit_status = 0;

	if (root && json_decode(root, fields, &exit_status, NULL) == 0)
		q->exit_status = exit_status & 0xff;
	if (!text)
		return err_say(err, -r, "the agent answered with status %u and no reason",
			status);
	(void)err_say(err, -r, "%s", text);
	return hint ? err_hint(err, "%s", hint) : r;
}

static int read_document(struct question *q, const struct http_head *head,
	struct json_doc **ret, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT;
	int r = http_client_read_all(q->client, ANSWER_MAX, &body, err);

	if (r < 0 || !body.len)
		return r;
	/* A server that is no agent may say anything. */
	if (!str_eq(head->type, AGENT_JSON))
		return head->status >= 400
			       ? 0
			       : err_say(err, EPROTO, "the answer is no JSON but \"%s\"",
					 head->type);
	return json_parse(body.data, body.len, ret, err);
}

/* Behind the head. */
static int take_answer(struct question *q, const struct http_head *head,
	struct json_doc **ret_doc, const struct json **ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	char member[TYPE_MAX];
	int r = read_document(q, head, &doc, err);

	if (r < 0)
		return err_wrap(err, "ask the agent");
	if (head->status >= 400)
		return take_failure(q, head->status, doc, err);
	*ret = doc ? json_get(json_root(doc), member_of(q->type, member)) : NULL;
	if (doc && !*ret)
		*ret = json_root(doc);
	*ret_doc = take_ptr(doc);
	return 0;
}

int question_answer(struct question *q, struct json_doc **ret_doc,
	const struct json **ret, struct err *err)
{
	struct http_head head;
	int r = http_client_answer(q->client, &head, err);

	return r < 0 ? err_wrap(err, "ask the agent")
		     : take_answer(q, &head, ret_doc, ret, err);
}

int question_ask(struct question *q, struct ctl *ctl, struct json_doc **ret_doc,
	const struct json **ret, struct err *err)
{
	int r = question_send(q, ctl, err);

	return r < 0 ? r : question_answer(q, ret_doc, ret, err);
}

int question_do(struct question *q, struct ctl *ctl, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *ignored;

	return question_ask(q, ctl, &doc, &ignored, err);
}

int question_copy(
	struct question *q, struct ctl *ctl, struct json_writer *w, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *answer;
	int r = question_ask(q, ctl, &doc, &answer, err);

	if (r < 0)
		return r;
	if (!answer || answer->type != JSON_OBJECT)
		return err_say(err, EPROTO, "the agent's answer says nothing");
	jw_json(w, NULL, answer);
	return 0;
}

int question_open(struct question *q, struct ctl *ctl, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *ignored;
	struct http_head head;
	int r = question_send(q, ctl, err);

	if (r == 0)
		r = http_client_answer(q->client, &head, err);
	if (r < 0)
		return err_wrap(err, "ask the agent");
	if (head.status == 200)
		return 0;
	r = take_answer(q, &head, &doc, &ignored, err);
	return r < 0 ? r : err_say(err, EPROTO, "the agent's answer says nothing");
}

void question_print_notes(const struct json *answer)
{
	json_each (note, json_get(answer, "notes")) {
		if (note->type == JSON_STRING)
			print_note(note->string);
	}
}

/* ---- a body that flows ---- */

/* An agent that wants no more of it has an answer already. */
static int send_file(struct http_client *client, int fd, struct err *err)
{
	cleanup_free char *piece = malloc(UPLOAD_PIECE);
	ssize_t n;
	int r = piece ? 0 : err_oom(err);

	while (r == 0) {
		do {
			n = read(fd, piece, UPLOAD_PIECE);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_set(err, errno, "read the archive");
		r = http_client_send(client, piece, (size_t)n, err);
		if (r == 0 && n == 0)
			return 0;
	}
	return r == -EPIPE ? 0 : r;
}

int question_upload(struct question *q, struct ctl *ctl, const char *path, int fd,
	struct json_doc **ret_doc, const struct json **ret, struct err *err)
{
	const struct http_request request = { "POST", path, "application/octet-stream",
		.accept = AGENT_JSON };
	int r = http_client_open(ctl->socket_path, &q->client, err);

	if (r < 0)
		return say_absent(ctl, r, err);
	r = http_client_ask(q->client, &request, err);
	if (r == 0)
		r = send_file(q->client, fd, err);
	return r < 0 ? r : question_answer(q, ret_doc, ret, err);
}

/* ---- a connection to a process ---- */

/* The first frame, which the agent itself sends. */
static int take_hello(struct attach_stream *stream, struct json_doc **ret_doc,
	const struct json **ret, struct err *err)
{
	struct pollfd ready = { .fd = stream->fd, .events = POLLIN };
	cleanup_free struct attach_frame *frame = malloc(sizeof(*frame));
	size_t len;
	int r;

	if (!frame)
		return err_oom(err);
	while ((r = attach_stream_recv(stream, frame, &len)) == -EAGAIN)
		(void)poll(&ready, 1, -1);
	if (r == 1 && frame->type != ATTACH_STREAM_HELLO)
		r = -EPROTO;
	if (r <= 0)
		return err_set(err, r ? -r : EPIPE, "hear from the agent");
	r = json_parse(frame->data, len, ret_doc, err);
	if (r == 0)
		*ret = json_root(*ret_doc);
	return r;
}

int question_attach(struct question *q, struct ctl *ctl, struct attach_stream *ret_stream,
	struct json_doc **ret_doc, const struct json **ret, struct err *err)
{
	struct http_head head;
	int r = send_question(q, ctl, ATTACH_STREAM_PROTOCOL, err);

	if (r == 0)
		r = http_client_answer(q->client, &head, err);
	if (r < 0)
		return err_wrap(err, "ask the agent");
	if (head.status != 101) {
		r = take_answer(q, &head, ret_doc, ret, err);
		return r < 0 ? r
			     : err_say(err, EPROTO,
				       "the agent does not hand on what goes in and comes out");
	}
	ret_stream->fd = http_client_take_over(q->client, &ret_stream->in);
	return take_hello(ret_stream, ret_doc, ret, err);
}
