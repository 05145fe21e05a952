/* SPDX-License-Identifier: Apache-2.0 */
#include "common/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_MAX_LEN 128

const char *str_skip_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && str_eq(s + n - m, suffix);
}

char *str_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

int str_set(char **dst, const char *s)
{
	char *copy = NULL;

	if (s) {
		copy = strdup(s);
		if (!copy)
			return -ENOMEM;
	}
	free(*dst);
	*dst = copy;
	return 0;
}

/* Decimal digits up to the first other character; *end is where they stop. */
static int parse_digits(const char *s, uint64_t *ret, const char **end)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return -ERANGE;
	}
	*ret = n;
	*end = s;
	return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t n;
	int r;

	r = parse_digits(s, &n, &end);
	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = n;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	uint64_t n;
	int r;

	r = str_to_u64(s, &n);
	if (r < 0)
		return r;
	if (n > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)n;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	bool is_negative = *s == '-';
	uint64_t n;
	int r;

	r = str_to_u64(s + is_negative, &n);
	if (r < 0)
		return r;
	if (n > (uint64_t)INT64_MAX + is_negative)
		return -ERANGE;
	*ret = is_negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

int str_to_id(const char *s, uint32_t *ret)
{
	uint32_t n;
	int r;

	r = str_to_u32(s, &n);
	if (r < 0)
		return r;
	if (n == UINT32_MAX)
		return -ERANGE;
	*ret = n;
	return 0;
}

/* "1", "1.5": the number times `scale`, the fraction cut at six digits. */
static int parse_scaled(const char *s, uint64_t scale, const char *tail, uint64_t *ret)
{
	uint64_t whole, fraction = 0, unit = 1;
	const char *end;
	int r;

	r = parse_digits(s, &whole, &end);
	if (r < 0)
		return r;
	if (*end == '.') {
		if (!isdigit((unsigned char)*++end))
			return -EINVAL;
		for (; isdigit((unsigned char)*end); end++) {
			if (unit >= 1000000)
				continue;
			unit *= 10;
			fraction = fraction * 10 + (uint64_t)(*end - '0');
		}
	}
	if (end != tail)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, scale, &whole))
		return -ERANGE;
	fraction = (uint64_t)((unsigned __int128)fraction * scale / unit);
	if (__builtin_add_overflow(whole, fraction, ret))
		return -ERANGE;
	return 0;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
	static const char units[] = "bkmgtp";
	const char *tail = s + strspn(s, "0123456789.");
	const char *unit = tail;
	uint64_t scale = 1;
	const char *at;

	if (*unit) {
		at = strchr(units, tolower((unsigned char)*unit++));
		if (!at)
			return -EINVAL;
		scale = 1ULL << (10 * (at - units));
		if (scale > 1 && tolower((unsigned char)*unit) == 'i')
			unit++;
		if (scale > 1 && tolower((unsigned char)*unit) == 'b')
			unit++;
		if (*unit)
			return -EINVAL;
	}
	return parse_scaled(s, scale, tail, ret);
}

static const struct {
	const char *unit;
	uint64_t ms;
} time_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ "d", 86400000 } };

static uint64_t time_unit(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++) {
		if (strlen(time_units[i].unit) == len &&
			strncmp(s, time_units[i].unit, len) == 0)
			return time_units[i].ms;
	}
	return 0;
}

int str_to_ms(const char *s, uint64_t *ret)
{
	uint64_t total = 0, part, scale;
	const char *tail, *next;
	int r;

	do {
		tail = s + strspn(s, "0123456789.");
		next = tail + strcspn(tail, "0123456789.");
		scale = next == tail ? 1000 : time_unit(tail, (size_t)(next - tail));
		if (!scale)
			return -EINVAL;
		r = parse_scaled(s, scale, tail, &part);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(total, part, &total))
			return -ERANGE;
		s = next;
	} while (*s);
	*ret = total;
	return 0;
}

static bool is_name_char(char c, bool is_first)
{
	return isalnum((unsigned char)c) || c == '_' || c == '+' || c == '-' ||
	       (c == '.' && !is_first);
}

bool str_is_name(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (i >= NAME_MAX_LEN || !is_name_char(s[i], i == 0))
			return false;
	}
	return i > 0;
}

/* The well-formed sequences of UTF-8 by their first two bytes (RFC 3629, section 4); the rest
 * are 80..bf. C2 80..9F are left out: the control characters C1, which terminals obey. */
static const struct {
	unsigned char first, last, second_first, second_last, len;
} utf8_forms[] = {
	{ 0xc2, 0xc2, 0xa0, 0xbf, 2 },
	{ 0xc3, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* The bytes of the printable character that `s` begins with, 0 when there is none. */
static size_t printable_len(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;

	if (*c < 0x80)
		return *c >= 0x20 && *c != 0x7f;
	for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
		size_t n = 2;

		if (c[0] < utf8_forms[i].first || c[0] > utf8_forms[i].last)
			continue;
		if (c[1] < utf8_forms[i].second_first || c[1] > utf8_forms[i].second_last)
			return 0;
		while (n < utf8_forms[i].len && (c[n] & 0xc0) == 0x80)
			n++;
		return n == utf8_forms[i].len ? n : 0;
	}
	return 0;
}

void str_printable(const char *s, char *ret, size_t room)
{
	size_t used = 0, n;

	/* A character has up to four bytes, as an escaped one has. */
	while (*s && used + 5 < room) {
		n = printable_len(s);
		if (n) {
			memcpy(ret + used, s, n);
			used += n;
			s += n;
		} else {
			used += (size_t)snprintf(
				ret + used, room - used, "\\x%02x", (unsigned char)*s++);
		}
	}
	ret[used] = '\0';
}

void strv_free(strv v)
{
	strv_each (s, v)
		free(*s);
	free(v);
}

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

bool strv_contains(char *const *v, const char *s)
{
	strv_each (item, v) {
		if (str_eq(*item, s))
			return true;
	}
	return false;
}

int strv_take(strv *v, char *s)
{
	size_t n = strv_len(*v);
	strv grown;

	if (!s)
		return -ENOMEM;
	/* Capacity is the next power of two, so it need not be stored. */
	if (!*v || (n & (n + 1)) == 0) {
		grown = realloc(*v, sizeof(char *) * (n ? 2 * (n + 1) : 2));
		if (!grown) {
			free(s);
			return -ENOMEM;
		}
		*v = grown;
	}
	(*v)[n] = s;
	(*v)[n + 1] = NULL;
	return 0;
}

strv strv_new(size_t count)
{
	size_t capacity = 2;

	while (capacity <= count)
		capacity *= 2;
	return calloc(capacity, sizeof(char *));
}

int strv_add(strv *v, const char *s)
{
	return strv_take(v, strdup(s));
}

int strv_copy(char *const *v, strv *ret)
{
	cleanup_strv strv copy = NULL;
	int r;

	strv_each (s, v) {
		r = strv_add(&copy, *s);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(copy);
	return 0;
}

static char *const *env_find(char *const *v, const char *name, size_t len)
{
	strv_each (s, v) {
		if (strncmp(*s, name, len) == 0 && ((*s)[len] == '=' || !(*s)[len]))
			return s;
	}
	return NULL;
}

const char *strv_env_get(char *const *v, const char *name)
{
	char *const *s = env_find(v, name, strlen(name));

	if (!s)
		return NULL;
	return (*s)[strlen(name)] ? *s + strlen(name) + 1 : "";
}

int strv_env_set(strv *v, const char *assignment)
{
	char *const *at = env_find(*v, assignment, strcspn(assignment, "="));
	char *copy;

	if (!at)
		return strv_add(v, assignment);
	copy = strdup(assignment);
	if (!copy)
		return -ENOMEM;
	free(*at);
	(*v)[at - *v] = copy;
	return 0;
}

void strv_env_unset(strv v, const char *name)
{
	size_t len = strlen(name), to = 0;

	for (size_t i = 0; v && v[i]; i++) {
		if (strncmp(v[i], name, len) == 0 && v[i][len] == '=')
			free(v[i]);
		else
			v[to++] = v[i];
	}
	if (v)
		v[to] = NULL;
}
