/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of an agent's API, as ucr-agentd(8) has them: what is asked is written member by member,
 * what is answered is a JSON document, and what went wrong there is told here in the same words.
 */
#ifndef UCR_UCRCTL_QUESTION_H
#define UCR_UCRCTL_QUESTION_H

#include "common/http-client.h"
#include "common/json.h"
#include "runtime/attach-stream.h"
#include "ucrctl/ctl.h"
#include "ucrctl/registry-options.h"

#define cleanup_question cleanup_with(question_done)

struct question {
	const char *type;
	struct buf text;
	struct json_writer w; /* inside the member that is named as the type */
	struct http_client *client;
	int exit_status; /* to give, of a program that could not be executed; or 0 */
};

/* `q` is not moved from here on. */
void question_begin(struct question *q, const char *type);
/* "container_id":{"value":…} */
void question_container(struct question *q, const char *id);
/* "platform", if it is not the host's. */
void question_platform(struct question *q, const struct platform *platform);
void question_done(struct question *q);

/* Ends it and hands it on; the answer is awaited by question_answer(), or waited for with others
 * at the descriptor of q->client. */
int question_send(struct question *q, struct ctl *ctl, struct err *err)
	__attribute__((warn_unused_result));
/* The member of the answer that is named as the type, which lives as long as `doc`; the whole
 * answer where there is none, NULL where it has no body. */
int question_answer(struct question *q, struct json_doc **ret_doc,
	const struct json **ret, struct err *err) __attribute__((warn_unused_result));
/* Both. */
int question_ask(struct question *q, struct ctl *ctl, struct json_doc **ret_doc,
	const struct json **ret, struct err *err) __attribute__((warn_unused_result));

/* The "notes" of an answer. */
void question_print_notes(const struct json *answer);

/* The same of one that says nothing but that it was done. */
int question_do(struct question *q, struct ctl *ctl, struct err *err)
	__attribute__((warn_unused_result));
/* The same, and what is answered goes on as it is. */
int question_copy(struct question *q, struct ctl *ctl, struct json_writer *w,
	struct err *err) __attribute__((warn_unused_result));

/* Waits for a body that flows, which is read from q->client then. */
int question_open(struct question *q, struct ctl *ctl, struct err *err)
	__attribute__((warn_unused_result));
/* As question_ask(), and the connection goes on as one to a process: what the agent says first is
 * `ret`, and ret_stream->fd is the caller's. */
int question_attach(struct question *q, struct ctl *ctl, struct attach_stream *ret_stream,
	struct json_doc **ret_doc, const struct json **ret, struct err *err)
	__attribute__((warn_unused_result));

/* After no more than question_begin(): asks by a path of its own, with all that `fd` gives as the
 * body. */
int question_upload(struct question *q, struct ctl *ctl, const char *path, int fd,
	struct json_doc **ret_doc, const struct json **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Who may log in where, and by whose word, is settled where the agent runs. */
int question_check_registry(const struct registry_options *options, struct err *err)
	__attribute__((warn_unused_result));

#endif
