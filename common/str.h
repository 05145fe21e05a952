/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings, string vectors, and numbers read strictly: the whole string must be the
 * number, in range, without sign, blanks or leading '+'. Parsers return 0 or
 * -EINVAL/-ERANGE and leave the output alone when they fail.
 */
#ifndef UCR_COMMON_STR_H
#define UCR_COMMON_STR_H

#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_empty(const char *s)
{
	return !s || !*s;
}

/* The rest of `s` after `prefix`, or NULL. */
const char *str_skip_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* asprintf() that returns the string or NULL. */
char *str_printf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), warn_unused_result));

/* Frees *dst and puts a copy of `s` (may be NULL) there. 0 or -ENOMEM. */
int str_set(char **dst, const char *s) __attribute__((warn_unused_result));

int str_to_u32(const char *s, uint32_t *ret) __attribute__((warn_unused_result));
int str_to_u64(const char *s, uint64_t *ret) __attribute__((warn_unused_result));
int str_to_i64(const char *s, int64_t *ret) __attribute__((warn_unused_result));

/* "512", "64k", "1.5g", "2GiB": bytes, in powers of 1024 as docker's --memory. */
int str_to_bytes(const char *s, uint64_t *ret) __attribute__((warn_unused_result));

/* "10", "1.5s", "300ms", "2m", "1h30m": milliseconds; a bare number is seconds. */
int str_to_ms(const char *s, uint64_t *ret) __attribute__((warn_unused_result));

/* A uid or gid: decimal u32, but not 4294967295 (which chown(2) reads as "keep"). */
int str_to_id(const char *s, uint32_t *ret) __attribute__((warn_unused_result));

/* True when `s` is a container id or name: [A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,127}. */
bool str_is_name(const char *s);

/* Copies text for a terminal: the bytes of control characters (C0 and C1) and whatever is no
 * UTF-8 become \xNN. `room` bounds the result, which never ends inside a character. */
void str_printable(const char *s, char *ret, size_t room);

/* A NULL-terminated vector of strings; an unused one is NULL. */
typedef char **strv;

#define cleanup_strv cleanup_with(strv_free_ptr)
#define strv_each(s, v) for (char *const *s = (v); s && *s; s++)

void strv_free(strv v);
static inline void strv_free_ptr(strv *v)
{
	strv_free(*v);
}
size_t strv_len(char *const *v);
bool strv_contains(char *const *v, const char *s);

/* An empty one that takes `count` strings without growing. */
strv strv_new(size_t count) __attribute__((warn_unused_result));

/* Append a copy of `s`, or take `s` over (freed on failure; NULL counts as out of
 * memory). */
int strv_add(strv *v, const char *s) __attribute__((warn_unused_result));
int strv_take(strv *v, char *s) __attribute__((warn_unused_result));

/* A copy; NULL for NULL. 0 or -ENOMEM. */
int strv_copy(char *const *v, strv *ret) __attribute__((warn_unused_result));

/* Environment vectors of "NAME=value": the value of NAME or NULL; set replaces in place.
 */
const char *strv_env_get(char *const *v, const char *name);
int strv_env_set(strv *v, const char *assignment) __attribute__((warn_unused_result));
void strv_env_unset(strv v, const char *name);

#endif
