/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small part of Go's templates that people type after --format:
 *   {{.Name}}  {{.State.Pid}}  {{json .}}  {{json .Name}}  {{index .Config.Labels "a.b"}}
 * and "\t" and "\n". Anything else in braces is an error that says what is understood.
 */
#ifndef UCR_UCRCTL_TEMPLATE_H
#define UCR_UCRCTL_TEMPLATE_H

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

struct template_part {
	char *literal; /* text; NULL: a field */
	strv path;     /* of the field: "State", "Pid"; NULL: the whole value, "." */
	bool is_json;
};

struct template
{
	struct template_part *parts;
	size_t count;
};

#define cleanup_template cleanup_with(template_done)

int template_parse(const char *text, struct template *ret, struct err *err)
	__attribute__((warn_unused_result));
void template_done(struct template *t);

/* Writes one field. */
typedef int (*template_fn)(
	const struct template_part *part, void *arg, struct buf *out, struct err *err);
int template_apply(const struct template *t, template_fn fn, void *arg, struct buf *out,
	struct err *err) __attribute__((warn_unused_result));

/* "State.Pid", for messages. */
char *template_path(const struct template_part *part) __attribute__((warn_unused_result));

#endif
