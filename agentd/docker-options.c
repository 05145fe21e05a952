/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-options.h"

#include <stddef.h>

#define ROW(member, decode)                                                              \
	{                                                                                \
#member, decode, offsetof(struct docker_options, member)                 \
	}

const struct json_field docker_fields[] = {
	ROW(exec, json_string),
	ROW(name, json_string),
	ROW(tag, json_string),
	ROW(path, json_string),
	ROW(condition, json_string),
	ROW(signal, json_string),
	ROW(words, json_string),
	ROW(login, json_string),
	ROW(filters, json_strv),
	ROW(since, json_i64),
	ROW(until, json_i64),
	ROW(tail, json_u32),
	ROW(grace_s, json_i32),
	ROW(limit, json_u32),
	ROW(rows, json_u32),
	ROW(columns, json_u32),
	ROW(has_tail, json_bool),
	ROW(has_grace, json_bool),
	ROW(is_all, json_bool),
	ROW(is_forced, json_bool),
	ROW(is_followed, json_bool),
	ROW(is_detached, json_bool),
	ROW(has_stdout, json_bool),
	ROW(has_stderr, json_bool),
	ROW(has_stdin, json_bool),
	ROW(has_timestamps, json_bool),
	{ 0 },
};
