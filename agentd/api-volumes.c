/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-volumes.h"

#include "agentd/api-resources.h"

#include <errno.h>

static int decode_size(const struct json *v, void *out, const void *arg, struct err *err)
{
	double megabytes = 0;
	int r = api_amount("disk", v, API_MEGABYTES_MAX, &megabytes, err);

	*(uint64_t *)out = (uint64_t)(megabytes * API_MEGABYTE);
	return r;
}

static int decode_id(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = json_string(v, out, arg, err);

	if (r == 0 && !str_is_name(*(char **)out))
		r = err_say(err, EINVAL, " must be a name");
	return r;
}

#define AT(member) offsetof(struct agent_volume, member)
static const struct json_field scalar_members[] = {
	{ "value", decode_size, AT(bytes) },
	{ 0 },
};
static const struct json_field persistence_members[] = {
	{ "id", decode_id, AT(name), true },
	{ 0 },
};
static const struct json_field disk_members[] = {
	{ "persistence", json_object, 0, true, persistence_members },
	{ 0 },
};
static const struct json_field volume_fields[] = {
	{ "role", json_string, AT(role) },
	{ "disk", json_object, 0, true, disk_members },
	{ "scalar", json_object, 0, false, scalar_members },
	{ 0 },
};
static const struct json_array_of volume_array = { sizeof(struct agent_volume),
	volume_fields, NULL };

const struct json_field api_volumes_members[] = {
	{ "volumes", json_array, offsetof(struct api_members, call.volumes), true,
		&volume_array },
	{ 0 },
};
