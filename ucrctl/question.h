/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of an agent's API, as ucr-agentd(8) has them: what is asked is written member by member,
 * what is answered is a JSON document, and what went wrong there is told here in the same words.
 */
#ifndef UCR_UCRCTL_QUESTION_H
#define UCR_UCRCTL_QUESTION_H

#include "common/http-client.h"
#include "common/json.h"
#include "ucrctl/ctl.h"

#define cleanup_question cleanup_with(question_done)

struct question {
	const char *type;
	struct buf text;
	struct json_writer w; /* inside the member that is named as the type */
	struct http_client *client;
};

/* `q` is not moved from here on. */
void question_begin(struct question *q, const char *type);
/* "container_id":{"value":…} */
void question_container(struct question *q, const char *id);
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

#endif
