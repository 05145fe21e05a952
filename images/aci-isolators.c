/* SPDX-License-Identifier: Apache-2.0 */
/* The isolators of appc's ace.md, as far as they mean something here. */
#include "images/aci-config.h"

#include "common/str.h"

#include <ctype.h>
#include <errno.h>

#define SET_MAX 1000

/* A quantity: digits, maybe a fraction, maybe a suffix: "500m", "0.5", "2G", "512Mi". */
static const struct {
	const char *suffix;
	uint64_t milli; /* thousandths that 1 of it is */
} suffixes[] = {
	{ "", 1000 },
	{ "m", 1 },
	{ "K", 1000000 },
	{ "k", 1000000 },
	{ "M", 1000000000 },
	{ "G", 1000000000000 },
	{ "T", 1000000000000000 },
	{ "Ki", 1000ULL << 10 },
	{ "Mi", 1000ULL << 20 },
	{ "Gi", 1000ULL << 30 },
	{ "Ti", 1000ULL << 40 },
};

static const uint64_t *find_suffix(const char *text)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (str_eq(suffixes[i].suffix, text))
			return &suffixes[i].milli;
	}
	return NULL;
}

/* In thousandths. */
static int parse_quantity(const char *text, uint64_t *ret)
{
	const uint64_t *unit;
	uint64_t whole = 0, fraction = 0, scale = 1, milli;
	const char *at = text;

	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return -ERANGE;
	}
	if (at == text)
		return -EINVAL;
	if (*at == '.') {
		for (at++; isdigit((unsigned char)*at); at++) {
			if (scale >= 1000000)
				continue;
			fraction = fraction * 10 + (uint64_t)(*at - '0');
			scale *= 10;
		}
	}
	unit = find_suffix(at);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, *unit, &milli) ||
		__builtin_mul_overflow(fraction, *unit, &fraction) ||
		__builtin_add_overflow(milli, fraction / scale, &milli))
		return -ERANGE;
	*ret = milli;
	return 0;
}

static int take_limit(const struct json *value, uint64_t *ret_milli, struct err *err)
{
	const struct json *limit = json_get(value, "limit");
	char show[SHOWN_MAX];

	if (!limit || limit->type == JSON_NULL)
		return 0;
	if (limit->type != JSON_STRING && limit->type != JSON_NUMBER)
		return err_say(err, EINVAL, "its limit must be a quantity as 500m or 2G");
	if (parse_quantity(limit->string, ret_milli) < 0)
		return err_say(err, EINVAL, "its limit %s is no quantity as 500m or 2G",
			shown(limit->string, show));
	return 0;
}

static int take_cpu(const struct json *value, struct image_appc *ret, struct err *err)
{
	return take_limit(value, &ret->cpu_limit, err);
}

static int take_memory(const struct json *value, struct image_appc *ret, struct err *err)
{
	int r = take_limit(value, &ret->memory_limit, err);

	ret->memory_limit /= 1000;
	return r;
}

static int take_cpu_shares(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	return json_u64(value, &ret->cpu_shares, NULL, err);
}

static int take_oom_score(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	int r = json_i32(value, &ret->oom_score_adj, NULL, err);

	if (r == 0 && (ret->oom_score_adj < -1000 || ret->oom_score_adj > 1000))
		r = err_say(err, ERANGE, "want -1000 to 1000");
	return r;
}

static int take_no_new_privileges(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	return json_bool(value, &ret->no_new_privileges, NULL, err);
}

static int take_set(const struct json *value, strv *ret, struct err *err)
{
	const struct json *set = json_get(value, "set");
	int r;

	if (!set)
		return err_say(err, EINVAL, "it has no set");
	if (*ret)
		return err_say(err, EINVAL, "it is there twice");
	r = json_strv(set, ret, NULL, err);
	if (r == 0 && (!*ret || strv_len(*ret) > SET_MAX))
		r = err_say(err, EINVAL, "its set must have 1 to %d names", SET_MAX);
	return r;
}

static int take_retained(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	ret->retains_capabilities = true;
	return take_set(value, &ret->capabilities_retain, err);
}

static int take_removed(const struct json *value, struct image_appc *ret, struct err *err)
{
	return take_set(value, &ret->capabilities_remove, err);
}

static int take_seccomp(
	const struct json *value, bool is_retain, struct image_appc *ret, struct err *err)
{
	const char *code = json_get_string(value, "errno");
	int r;

	if (ret->has_seccomp)
		return err_say(err, EINVAL,
			"only one of seccomp-retain-set and seccomp-remove-set may be there, once");
	r = take_set(value, &ret->seccomp_set, err);
	if (r < 0)
		return r;
	ret->has_seccomp = true;
	ret->seccomp_is_retain_set = is_retain;
	return str_set(&ret->seccomp_errno, code) < 0 ? err_oom(err) : 0;
}

static int take_seccomp_retained(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	return take_seccomp(value, true, ret, err);
}

static int take_seccomp_removed(
	const struct json *value, struct image_appc *ret, struct err *err)
{
	return take_seccomp(value, false, ret, err);
}

static int take_sysctls(const struct json *value, struct image_appc *ret, struct err *err)
{
	int r = json_string_map(value, &ret->sysctls, NULL, err);

	if (r == 0 && strv_len(ret->sysctls) > SET_MAX)
		r = err_say(err, E2BIG, "it has more than %d settings", SET_MAX);
	return r;
}

static const struct {
	const char *name;
	int (*take)(const struct json *value, struct image_appc *ret, struct err *err);
} known[] = {
	{ "resource/cpu", take_cpu },
	{ "resource/memory", take_memory },
	{ "os/linux/capabilities-retain-set", take_retained },
	{ "os/linux/capabilities-remove-set", take_removed },
	{ "os/linux/no-new-privileges", take_no_new_privileges },
	{ "os/linux/seccomp-retain-set", take_seccomp_retained },
	{ "os/linux/seccomp-remove-set", take_seccomp_removed },
	{ "os/linux/cpu-shares", take_cpu_shares },
	{ "os/linux/oom-score-adj", take_oom_score },
	{ "os/unix/sysctl", take_sysctls },
	{ 0 },
};

static int take_isolator(const struct json *isolator, struct image_appc *ret,
	struct notes *notes, struct err *err)
{
	const char *name = json_get_string(isolator, "name");
	const struct json *value = json_get(isolator, "value");
	int r;

	for (size_t i = 0; known[i].name; i++) {
		if (!str_eq(known[i].name, name))
			continue;
		if (!value)
			return err_say(err, EINVAL, "isolator %s has no value", name);
		r = known[i].take(value, ret, err);
		return r < 0 ? err_wrap(err, "isolator %s", name) : 0;
	}
	if (notes)
		notes_add(notes, NOTE_ISOLATOR, name);
	return 0;
}

int aci_isolators_take(const struct aci_manifest *manifest, struct image_appc *ret,
	struct notes *notes, struct err *err)
{
	int r;

	json_each (isolator, manifest->isolators) {
		r = take_isolator(isolator, ret, notes, err);
		if (r < 0)
			return r;
	}
	if (ret->retains_capabilities && ret->capabilities_remove)
		return err_say(err, EINVAL,
			"capabilities-retain-set and capabilities-remove-set exclude each other");
	return 0;
}
