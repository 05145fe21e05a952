/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-resources.h"

#include "agentd/api-container-info.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define SHARES_OF_A_CPU 1024 /* as Mesos counts */
#define SHARES_MIN 2
#define CPUS_MAX 100000.0

#define AT(member) offsetof(struct api_members, member)

/* ---- resources ---- */

/* A number that may have decimals. */
int api_amount(
	const char *name, const struct json *v, double max, double *ret, struct err *err)
{
	char *end;
	double value;

	if (!v || v->type != JSON_NUMBER)
		return err_say(err, EINVAL,
			" must give %s as {\"name\":\"%s\",\"scalar\":{\"value\":NUMBER}}",
			name, name);
	value = strtod(v->string, &end);
	if (*end || !isfinite(value) || value < 0 || value > max)
		return err_say(err, EINVAL, " has %.40s for %s, which is out of range",
			v->string, name);
	*ret = value;
	return 0;
}

/* What a container can be given, and what an offer may hold besides. */
static const struct {
	const char *name;
	size_t offset; /* of what it adds to; 0: nothing */
	double max, unit;
} resources[] = {
	{ "cpus", AT(cpu_milli), CPUS_MAX, 1000 },
	{ "mem", AT(memory_bytes), API_MEGABYTES_MAX, API_MEGABYTE },
	{ .name = "disk" },
	{ .name = "ports" },
};

static int add_amount(
	struct api_members *request, size_t n, const struct json *v, struct err *err)
{
	const struct json *value = json_get(json_get(v, "scalar"), "value");
	uint64_t *sum = (uint64_t *)(void *)((char *)request + resources[n].offset);
	double amount = 0;
	int r;

	if (!resources[n].offset)
		return 0;
	r = api_amount(resources[n].name, value, resources[n].max, &amount, err);
	if (r < 0)
		return r;
	/* None at all would be no limit at all. */
	if ((uint64_t)(amount * resources[n].unit) == 0)
		return err_say(err, EINVAL, " has too little of %s", resources[n].name);
	*sum += (uint64_t)(amount * resources[n].unit + 0.5);
	return 0;
}

static int take_resource(
	struct api_members *request, const struct json *v, struct err *err)
{
	const char *name = json_get_string(v, "name");

	if (!name)
		return err_say(err, EINVAL, " must be of resources with a name");
	if (str_eq(name, "disk") && api_persistent_volume(v, &request->call.run, err) < 0)
		return -err->code;
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		if (str_eq(resources[i].name, name))
			return add_amount(request, i, v, err);
	}
	return err_say(err, EINVAL, " has %.40s, which this agent cannot give", name);
}

int api_decode_resources(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	json_each (item, v) {
		if (r == 0)
			r = take_resource(out, item, err);
	}
	return r;
}

/* ---- limits ---- */

/* "Infinity", which is no limit, is no number. */
static bool is_infinity(const struct json *value)
{
	return value && value->type == JSON_STRING && str_eq(value->string, "Infinity");
}

/* {"cpus": {"value": 1.5}} */
static int decode_limit(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct json *value = json_get(v, "value");
	bool is_cpus = str_eq(arg, "cpus");
	double unit = is_cpus ? 1000 : API_MEGABYTE, amount = 0;
	int r;

	if (is_infinity(value))
		return 0;
	if (!value || value->type != JSON_NUMBER)
		return err_say(err, EINVAL, " must be {\"value\":NUMBER}");
	r = api_amount(arg, value, is_cpus ? CPUS_MAX : API_MEGABYTES_MAX, &amount, err);
	if (r < 0)
		return r;
	if ((uint64_t)(amount * unit) == 0)
		return err_say(err, EINVAL, " is too little");
	*(uint64_t *)out = (uint64_t)(amount * unit + 0.5);
	return 0;
}

static int decode_memory_limit(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	struct api_members *request = out;

	request->is_memory_unlimited = is_infinity(json_get(v, "value"));
	return decode_limit(v, &request->memory_limit_bytes, arg, err);
}

const struct json_field api_limit_members[] = {
	{ "cpus", decode_limit, AT(cpu_limit_milli), false, "cpus" },
	{ "mem", decode_memory_limit, 0, false, "mem" },
	{ 0 },
};

/* ---- options of a run ---- */

static int set_number(const char **member, uint64_t number)
{
	*member = str_printf("%" PRIu64, number);
	return *member ? 0 : -ENOMEM;
}

/* What is asked for is kept for it, and is its limit where nothing is said of one. */
static int finish_memory(struct api_members *request)
{
	struct run_options *run = &request->call.run;
	uint64_t asked = request->memory_bytes, limit = request->memory_limit_bytes;
	int r = 0;

	if (asked && (limit ? asked <= limit : request->is_memory_unlimited))
		r = set_number(&run->memory_reservation, asked);
	if (r == 0 && !request->is_memory_unlimited && (limit || asked))
		r = set_number(&run->memory, limit ? limit : asked);
	return r;
}

static int finish_cpus(struct api_members *request)
{
	struct run_options *run = &request->call.run;
	uint64_t shares = request->cpu_milli * SHARES_OF_A_CPU / 1000;
	uint64_t limit = request->cpu_limit_milli;

	if (request->cpu_milli && set_number(&run->cpu_shares,
					  shares < SHARES_MIN ? SHARES_MIN : shares) < 0)
		return -ENOMEM;
	if (!limit)
		return 0;
	run->cpus = str_printf(
		"%" PRIu64 ".%03u", limit / 1000, (unsigned int)(limit % 1000));
	return run->cpus ? 0 : -ENOMEM;
}

int api_limits_finish(struct api_members *request, struct err *err)
{
	int r;

	if (request->memory_limit_bytes &&
		request->memory_bytes > request->memory_limit_bytes)
		return err_say(err, EINVAL,
			"launch_container.limits.mem: less than the mem of resources");
	r = finish_memory(request);
	if (r == 0)
		r = finish_cpus(request);
	return r < 0 ? err_oom(err) : 0;
}
