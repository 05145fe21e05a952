/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-volumes.h"

#include "agentd/agent-call.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define MEGABYTE 1048576.0
#define MEGABYTES_MAX 1e12

static int read_size(const struct json *resource, uint64_t *ret, struct err *err)
{
	const struct json *value = json_get(json_get(resource, "scalar"), "value");
	double megabytes = 0;
	char *end;

	if (!value)
		return 0;
	if (value->type == JSON_NUMBER)
		megabytes = strtod(value->string, &end);
	if (value->type != JSON_NUMBER || *end || !isfinite(megabytes) || megabytes < 0 ||
		megabytes > MEGABYTES_MAX)
		return err_say(err, EINVAL,
			" has no number of megabytes as {\"scalar\":{\"value\":NUMBER}}");
	*ret = (uint64_t)(megabytes * MEGABYTE);
	return 0;
}

static int add(struct agent_call *call, const struct json *resource, struct err *err)
{
	const char *id = json_get_string(
		json_get(json_get(resource, "disk"), "persistence"), "id");
	const char *role = json_get_string(resource, "role");
	struct agent_volume *items, volume = { 0 };
	int r = read_size(resource, &volume.bytes, err);

	if (r < 0)
		return r;
	if (!id || !str_is_name(id))
		return err_say(err, EINVAL,
			" must be of resources with {\"disk\":{\"persistence\":{\"id\":NAME}}}");
	items = reallocarray(
		call->volumes.items, call->volumes.count + 1, sizeof(*items));
	if (!items)
		return err_oom(err);
	call->volumes.items = items;
	items[call->volumes.count++] = volume;
	if (str_set(&items[call->volumes.count - 1].name, id) < 0 ||
		str_set(&items[call->volumes.count - 1].role, role) < 0)
		return err_oom(err);
	return 0;
}

static int decode(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	json_each (item, v) {
		if (r == 0)
			r = add(out, item, err);
	}
	return r;
}

const struct json_field api_volumes_members[] = {
	{ "volumes", decode, 0, true },
	{ 0 },
};
