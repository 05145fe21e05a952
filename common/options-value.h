/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an option's value may be: each setter checks the text and writes it in one C type. A verb
 * may have setters of its own. They say what is wrong with the value alone; the parser puts the
 * option's name before it. A bool's value is NULL when it comes without "=VALUE".
 */
#ifndef UCR_COMMON_OPTIONS_VALUE_H
#define UCR_COMMON_OPTIONS_VALUE_H

#include "common/err.h"

struct option_spec;

typedef int option_set_fn(
	const struct option_spec *option, const char *value, void *dst, struct err *err);
option_set_fn option_string; /* const char *, into argv */
option_set_fn option_json;   /* the same, JSON; in a settings file an object */
option_set_fn option_strv;   /* strv, appended */
option_set_fn option_bool;   /* bool; "--x", "--x=true", "--x=false" */
option_set_fn option_u32;
option_set_fn option_i64;
option_set_fn option_bytes;  /* uint64_t: "64m", "1.5g" */
option_set_fn option_ms;     /* uint64_t: "10", "1.5s", "300ms" */
option_set_fn option_choice; /* unsigned int, index into param: NULL-terminated names */
option_set_fn option_name;   /* const char *, a container name */

#endif
