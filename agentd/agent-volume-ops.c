/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE_VOLUMES, GROW_VOLUMES, DESTROY_VOLUMES, GET_VOLUMES. */
#include "agentd/agent-volumes.h"

#include "agentd/volume.h"
#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>

#define MEGABYTE_MILLI (1048576.0 / 1000)

static const char *role_of(const struct agent_volume *v)
{
	return v->role ? v->role : "*";
}

typedef int volume_fn(struct agent *agent, const struct agent_volume *v, struct err *err);

static int create(struct agent *agent, const struct agent_volume *v, struct err *err)
{
	cleanup_volume struct volume volume = { .bytes = v->bytes,
		.created = timestamp_now() };

	if (str_set(&volume.name, v->name) < 0 || str_set(&volume.role, role_of(v)) < 0)
		return err_oom(err);
	return volume_create(agent->engine, &volume, err);
}

static int grow(struct agent *agent, const struct agent_volume *v, struct err *err)
{
	return volume_grow(agent->engine, v->name, role_of(v), v->bytes, err);
}

static int destroy(struct agent *agent, const struct agent_volume *v, struct err *err)
{
	return volume_destroy(agent->engine, v->name, role_of(v), err);
}

/* One after the other: what was done before one that fails stays done, and the error says which
 * that was. */
static int each(struct agent *agent, const struct agent_call *call, volume_fn *fn,
	struct err *err)
{
	int r = call->volumes.count ? 0
				    : err_say(err, EINVAL, "volumes: want at least one");

	for (size_t i = 0; r == 0 && i < call->volumes.count; i++) {
		r = fn(agent, &call->volumes.items[i], err);
		if (r < 0)
			r = err_wrap(err, "volumes[%zu]", i);
	}
	return r;
}

int agent_create_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	return each(agent, call, create, err);
}

int agent_grow_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	return each(agent, call, grow, err);
}

int agent_destroy_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	return each(agent, call, destroy, err);
}

/* As Mesos' Resource. */
static void write_volume(struct json_writer *w, const struct volume *v)
{
	jw_object(w, NULL);
	jw_string(w, "name", "disk");
	jw_string(w, "type", "SCALAR");
	jw_object(w, "scalar");
	jw_milli(w, "value", (int64_t)((double)v->bytes / MEGABYTE_MILLI));
	jw_object_end(w);
	jw_string(w, "role", v->role);
	jw_object(w, "disk");
	jw_object(w, "persistence");
	jw_string(w, "id", v->name);
	jw_object_end(w);
	jw_object_end(w);
	jw_object_end(w);
}

int agent_get_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_volume_list struct volume_list list = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = volume_list(agent->engine, &list, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "GET_VOLUMES");
	jw_object(&w, "get_volumes");
	jw_array(&w, "volumes");
	for (size_t i = 0; i < list.count; i++)
		write_volume(&w, &list.items[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}
