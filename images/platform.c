/* SPDX-License-Identifier: Apache-2.0 */
#include "images/platform.h"

#include <stdio.h>
#include <sys/utsname.h>

static const char *no_variant(void)
{
	return "";
}

/* The x86-64 psABI's levels, as far as this processor goes. */
static const char *amd64_variant(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512cd") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return "v4";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma"))
		return "v3";
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
		return "v2";
#endif
	return "v1";
}

static const char *armv6(void)
{
	return "v6";
}

static const char *armv7(void)
{
	return "v7";
}

static const char *armv8(void)
{
	return "v8";
}

/* uname(2)'s machine names. */
static const struct machine {
	const char *machine, *architecture;
	const char *(*variant)(void);
} machines[] = {
	{ "x86_64", "amd64", amd64_variant },
	{ "aarch64", "arm64", armv8 },
	{ "armv8l", "arm", armv7 },
	{ "armv7l", "arm", armv7 },
	{ "armv6l", "arm", armv6 },
	{ "i386", "386", no_variant },
	{ "i486", "386", no_variant },
	{ "i586", "386", no_variant },
	{ "i686", "386", no_variant },
	{ "ppc64le", "ppc64le", no_variant },
	{ "riscv64", "riscv64", no_variant },
	{ "s390x", "s390x", no_variant },
	{ "loongarch64", "loong64", no_variant },
	{ "mips64", "mips64le", no_variant },
	{ 0 },
};

/* What a missing variant means; variants of one architecture are compared as numbers. */
static const struct variant_default {
	const char *architecture, *variant;
} variant_defaults[] = {
	{ "amd64", "v1" },
	{ "arm64", "v8" },
	{ "arm", "v7" },
	{ 0 },
};

static const struct machine *this_machine(void)
{
	static const struct machine unknown = { "unknown", "unknown", no_variant };
	struct utsname u;

	if (uname(&u) < 0)
		return &unknown;
	for (const struct machine *m = machines; m->machine; m++) {
		if (str_eq(m->machine, u.machine))
			return m;
	}
	return &unknown;
}

static const char *default_variant(const char *architecture)
{
	for (const struct variant_default *d = variant_defaults; d->architecture; d++) {
		if (str_eq(d->architecture, architecture))
			return d->variant;
	}
	return "";
}

struct platform platform_resolve(const struct platform *want)
{
	const struct machine *host = this_machine();
	struct platform p = *want;

	if (str_empty(p.os))
		p.os = "linux";
	if (str_empty(p.architecture))
		p.architecture = host->architecture;
	if (!str_empty(p.variant))
		return p;
	if (str_eq(p.architecture, host->architecture) && str_empty(want->architecture))
		p.variant = host->variant();
	else
		p.variant = default_variant(p.architecture);
	return p;
}

/* "v8.2" is 802; -1 for what is no number. */
static int variant_rank(const char *variant)
{
	char *end;
	long major, minor = 0;

	if (*variant == 'v')
		variant++;
	if (*variant < '0' || *variant > '9')
		return -1;
	major = strtol(variant, &end, 10);
	if (*end == '.' && end[1] >= '0' && end[1] <= '9')
		minor = strtol(end + 1, &end, 10);
	if (*end || major > 1000 || minor > 99)
		return -1;
	return (int)(major * 100 + minor);
}

int platform_distance(const struct platform *want, const struct platform *offer)
{
	const char *has = offer->variant;
	int want_rank, has_rank;

	if (!offer->os || !offer->architecture || !str_eq(want->os, offer->os) ||
		!str_eq(want->architecture, offer->architecture))
		return -1;
	if (str_empty(has))
		has = default_variant(offer->architecture);
	if (str_eq(want->variant, has))
		return 0;
	want_rank = variant_rank(want->variant);
	has_rank = variant_rank(has);
	if (want_rank < 0 || has_rank < 0 || has_rank > want_rank)
		return -1;
	return want_rank - has_rank;
}

const char *platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX])
{
	char raw[PLATFORM_TEXT_MAX];

	(void)snprintf(raw, sizeof(raw), "%.24s/%.24s%s%.24s", p->os ? p->os : "unknown",
		p->architecture ? p->architecture : "unknown",
		str_empty(p->variant) ? "" : "/", p->variant ? p->variant : "");
	str_printable(raw, ret, PLATFORM_TEXT_MAX);
	return ret;
}
