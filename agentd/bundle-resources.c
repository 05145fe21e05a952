/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CPU_PERIOD_USEC 100000

static int bad(const char *option, const char *text, const char *want, struct err *err)
{
	return err_say(err, EINVAL, "%s %s: want %s", option, text, want);
}

/* Each option writes what it means, or gives -EINVAL. */
static int set_memory(const char *text, struct spec_resources *to)
{
	uint64_t bytes;

	if (str_to_bytes(text, &bytes) < 0 || bytes == 0 || bytes > INT64_MAX)
		return -EINVAL;
	to->memory.limit = (struct spec_i64){ true, (int64_t)bytes };
	return 0;
}

/* What it keeps when memory is short; where there is a limit, not above that. */
static int set_memory_reservation(const char *text, struct spec_resources *to)
{
	uint64_t bytes;

	if (str_to_bytes(text, &bytes) < 0 || bytes == 0 || bytes > INT64_MAX ||
		(to->memory.limit.is_set && (int64_t)bytes > to->memory.limit.value))
		return -EINVAL;
	to->memory.reservation = (struct spec_i64){ true, (int64_t)bytes };
	return 0;
}

/* Memory and swap together, as docker has it; -1: as much swap as there is. */
static int set_memory_swap(const char *text, struct spec_resources *to)
{
	uint64_t bytes;

	if (str_eq(text, "-1")) {
		to->memory.swap = (struct spec_i64){ true, -1 };
		return 0;
	}
	if (str_to_bytes(text, &bytes) < 0 || !to->memory.limit.is_set ||
		bytes > INT64_MAX || (int64_t)bytes < to->memory.limit.value)
		return -EINVAL;
	to->memory.swap = (struct spec_i64){ true, (int64_t)bytes };
	return 0;
}

/* Decimal cores in thousandths: "1.5", ".25". Exact, unlike strtod(3), and without locale. */
static int parse_cores(const char *text, uint64_t *ret_milli)
{
	uint64_t milli = 0, unit = 1000;
	bool has_digit = false;

	for (; *text >= '0' && *text <= '9'; text++, has_digit = true) {
		milli = milli * 10 + (uint64_t)(*text - '0') * 1000;
		if (milli > 1000000000)
			return -ERANGE;
	}
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, has_digit = true) {
			unit /= 10;
			milli += (uint64_t)(*text - '0') * unit;
		}
	}
	if (*text || !has_digit)
		return -EINVAL;
	*ret_milli = milli;
	return 0;
}

static int set_cpus(const char *text, struct spec_resources *to)
{
	uint64_t milli;

	if (parse_cores(text, &milli) < 0 || milli < 10)
		return -EINVAL;
	to->cpu.period = (struct spec_u64){ true, CPU_PERIOD_USEC };
	to->cpu.quota =
		(struct spec_i64){ true, (int64_t)(milli * CPU_PERIOD_USEC / 1000) };
	return 0;
}

static int set_cpu_shares(const char *text, struct spec_resources *to)
{
	to->cpu.shares.is_set = true;
	return str_to_u64(text, &to->cpu.shares.value);
}

static bool is_list(const char *text)
{
	return *text && !text[strspn(text, "0123456789,-")];
}

static int set_cpuset_cpus(const char *text, struct spec_resources *to)
{
	return is_list(text) ? str_set(&to->cpu.cpus, text) : -EINVAL;
}

static int set_cpuset_mems(const char *text, struct spec_resources *to)
{
	return is_list(text) ? str_set(&to->cpu.mems, text) : -EINVAL;
}

static int set_pids_limit(const char *text, struct spec_resources *to)
{
	int64_t n;

	if (str_to_i64(text, &n) < 0 || n < -1)
		return -EINVAL;
	to->pids_limit = (struct spec_i64){ true, n == 0 ? -1 : n };
	return 0;
}

static const struct {
	const char *option, *want;
	size_t offset; /* in struct run_options */
	int (*set)(const char *text, struct spec_resources *to);
} limits[] = {
	{ "--memory", "a size as 64m or 1.5g", offsetof(struct run_options, memory),
		set_memory },
	{ "--memory-reservation", "a size as 64m that is not above --memory",
		offsetof(struct run_options, memory_reservation),
		set_memory_reservation },
	{ "--memory-swap", "-1, or a size that is not below --memory",
		offsetof(struct run_options, memory_swap), set_memory_swap },
	{ "--cpus", "a number of cores as 1.5", offsetof(struct run_options, cpus),
		set_cpus },
	{ "--cpu-shares", "a number", offsetof(struct run_options, cpu_shares),
		set_cpu_shares },
	{ "--cpuset-cpus", "a list as 0-2,5", offsetof(struct run_options, cpuset_cpus),
		set_cpuset_cpus },
	{ "--cpuset-mems", "a list as 0-1", offsetof(struct run_options, cpuset_mems),
		set_cpuset_mems },
	{ "--pids-limit", "a number, or -1 for no limit",
		offsetof(struct run_options, pids_limit), set_pids_limit },
};

static int set_limits(
	const struct run_options *options, struct spec_resources *to, struct err *err)
{
	const char *text;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		text = *(const char *const *)((const char *)options + limits[i].offset);
		if (text && limits[i].set(text, to) < 0)
			return bad(limits[i].option, text, limits[i].want, err);
	}
	return 0;
}

static int set_cgroup_path(
	const struct bundle_request *request, struct spec_linux *lin, struct err *err)
{
	const char *parent = request->options->cgroup_parent;

	if (!parent)
		return 0;
	lin->cgroups_path = str_printf(
		"%s%s%s", parent, str_has_suffix(parent, "/") ? "" : "/", request->id);
	return lin->cgroups_path ? 0 : err_oom(err);
}

static int set_sysctls(char *const *sysctls, struct spec_linux *lin, struct err *err)
{
	strv_each (text, sysctls) {
		if (!strchr(*text, '=') || **text == '=')
			return bad("--sysctl", *text, "NAME=VALUE", err);
	}
	return strv_copy(sysctls, &lin->sysctl) < 0 ? err_oom(err) : 0;
}

/* A user may set limits only in a cgroup that was delegated: the configuration has none but
 * those that were asked for (the launch adds the default where it can), and device rules, which need the host's root, are left to the mounts. */
int bundle_resources(
	const struct bundle_request *request, struct spec_linux *lin, struct err *err)
{
	const struct run_options *options = request->options;
	int r;

	if (!request->is_rootless)
		lin->resources.pids_limit = (struct spec_i64){ true, BUNDLE_PIDS_LIMIT };
	r = set_limits(options, &lin->resources, err);
	if (r == 0)
		r = bundle_io(options, &lin->resources, err);
	if (r == 0)
		r = bundle_devices(options->devices, lin, err);
	if (r == 0)
		r = set_cgroup_path(request, lin, err);
	return r < 0 ? r : set_sysctls(options->sysctls, lin, err);
}
