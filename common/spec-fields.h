/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How config.json's parts are read and written: one table per struct, and the decoders
 * that only the specification needs. For common/spec*.c and whoever embeds one of the
 * parts in a document of its own (a seccomp profile is read by spec_syscall_fields).
 */
#ifndef UCR_COMMON_SPEC_FIELDS_H
#define UCR_COMMON_SPEC_FIELDS_H

#include "common/json.h"

#include <stddef.h>

extern const struct json_field spec_linux_fields[];
extern const struct json_field spec_process_fields[];
extern const struct json_field spec_resources_fields[];
extern const struct json_field spec_seccomp_fields[];
extern const struct json_field spec_syscall_fields[];
extern const struct json_field spec_seccomp_arg_fields[];
extern const struct json_array_of spec_id_map_array;

/* A member of the struct, a required one, and one of a nested unnamed struct. */
#define SPEC_FIELD(key, decode, type, member, arg)                                       \
	{                                                                                \
		key, decode, offsetof(type, member), false, arg                          \
	}
#define SPEC_REQUIRED(key, decode, type, member, arg)                                    \
	{                                                                                \
		key, decode, offsetof(type, member), true, arg                           \
	}
#define SPEC_INNER(key, decode, type, outer, member, arg)                                \
	{                                                                                \
		key, decode, offsetof(type, outer.member) - offsetof(type, outer),       \
			false, arg                                                       \
	}

/* struct spec_u64 and struct spec_i64. */
#define SPEC_OPT_U64(key, type, member)                                                  \
	{                                                                                \
		key, spec_read_opt_u64, offsetof(type, member), false, NULL,             \
			spec_write_opt_u64                                               \
	}
#define SPEC_OPT_I64(key, type, member)                                                  \
	{                                                                                \
		key, spec_read_opt_i64, offsetof(type, member), false, NULL,             \
			spec_write_opt_i64                                               \
	}

/* A number with a has_NAME beside it: arg says how far away and how to read the number.
 */
struct spec_flagged {
	ptrdiff_t to_flag;
	struct json_field number;
};
#define SPEC_FLAGGED(type, member, decode)                                               \
	&(const struct spec_flagged)                                                     \
	{                                                                                \
		(ptrdiff_t) offsetof(type, has_##member) -                               \
			(ptrdiff_t)offsetof(type, member),                               \
		{                                                                        \
			"", decode                                                       \
		}                                                                        \
	}
#define SPEC_HAS(key, decode, type, member)                                              \
	{                                                                                \
		key, spec_read_flagged, offsetof(type, member), false,                   \
			SPEC_FLAGGED(type, member, decode), spec_write_flagged           \
	}

int spec_read_opt_u64(const struct json *v, void *out, const void *arg, struct err *err);
int spec_read_opt_i64(const struct json *v, void *out, const void *arg, struct err *err);
int spec_read_flagged(const struct json *v, void *out, const void *arg, struct err *err);
void spec_write_opt_u64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required);
void spec_write_opt_i64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required);
void spec_write_flagged(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required);

#endif
