/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a template looked up in a JSON document. */
#ifndef UCR_UCRCTL_JSON_FIELD_H
#define UCR_UCRCTL_JSON_FIELD_H

#include "common/json.h"
#include "ucrctl/template.h"

/* A template_fn; `arg` is the const struct json. Text and numbers are written plainly,
 * objects and arrays as JSON. A field that is not there is an error that names its
 * neighbours. */
int json_field_put(
	const struct template_part *part, void *arg, struct buf *out, struct err *err);

#endif
