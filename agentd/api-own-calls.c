/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-own-calls.h"

#include "agentd/run-fields.h"

#define AT(member) offsetof(struct agent_call, member)

static const struct json_field container_id_members[] = {
	{ "value", json_string, AT(container), true },
	{ 0 },
};
static const struct json_field container_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "timeout", json_string, AT(timeout) },
	{ 0 },
};
static const struct json_field log_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "follow", json_bool, AT(log.is_followed) },
	{ "tail", json_string, AT(log.tail) },
	{ "since", json_i64, AT(log.since) },
	{ "until", json_i64, AT(log.until) },
	{ 0 },
};
static const struct json_field event_members[] = {
	{ "after_seq", json_u64, AT(events_after) },
	{ "follow", json_bool, AT(log.is_followed) },
	{ "since", json_i64, AT(log.since) },
	{ "until", json_i64, AT(log.until) },
	{ 0 },
};
/* What is launched: an image, or the host's programs. */
static const struct json_field run_members[] = {
	{ "container_id", json_object, 0, false, container_id_members },
	{ "image", json_string, AT(image) },
	{ "platform", json_string, AT(platform) },
	{ "run", json_object, AT(run), true, run_fields },
	{ "attach", json_bool, AT(is_attached) },
	{ 0 },
};
static const struct json_field exec_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "run", json_object, AT(run), true, run_fields },
	{ "attach", json_bool, AT(is_attached) },
	{ 0 },
};
static const struct json_field image_members[] = {
	{ "name", json_string, AT(image), true },
	{ "platform", json_string, AT(platform) },
	{ 0 },
};

static const struct json_field tag_members[] = {
	{ "name", json_string, AT(image), true },
	{ "new_name", json_string, AT(docker.name), true },
	{ 0 },
};
static const struct json_field untag_members[] = {
	{ "name", json_string, AT(image), true },
	{ "force", json_bool, AT(docker.is_forced) },
	{ 0 },
};
static const struct json_field profile_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "duration_ms", json_u64, AT(flame.duration_ms), true },
	{ "frequency", json_u32, AT(flame.frequency), true },
	{ "folded", json_bool, AT(flame.is_folded) },
	{ "per_thread", json_bool, AT(flame.is_per_thread) },
	{ 0 },
};

static const struct {
	const char *type, *op;
	const char *member; /* that holds what the call says; NULL: it says nothing */
	const struct json_field *fields;
} calls[] = {
	{ "RUN_CONTAINER", "run", "run_container", run_members },
	{ "EXEC_CONTAINER", "exec", "exec_container", exec_members },
	{ "LIST_CONTAINERS", "list", NULL, NULL },
	{ "FIND_CONTAINER", "find", "find_container", container_members },
	{ "INSPECT_CONTAINER", "inspect", "inspect_container", container_members },
	{ "READ_LOGS", "logs", "read_logs", log_members },
	{ "READ_EVENTS", "events", "read_events", event_members },
	{ "MEASURE_CONTAINER", "measure", "measure_container", container_members },
	{ "PROFILE_CONTAINER", "profile", "profile_container", profile_members },
	{ "STOP_CONTAINER", "stop", "stop_container", container_members },
	{ "LIST_PROCESSES", "top", "list_processes", container_members },
	{ "LIST_IMAGES", "images", NULL, NULL },
	{ "INSPECT_IMAGE", "image", "inspect_image", image_members },
	{ "TAG_IMAGE", "docker-tag", "tag_image", tag_members },
	{ "REMOVE_IMAGE", "docker-untag", "remove_image", untag_members },
	{ "PULL_IMAGE", "pull", "pull_image", image_members },
};

int api_own_call_parse(const struct json *root, const char *type, struct agent_call *ret,
	struct err *err)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct json_field whole[] = {
			{ calls[i].member, json_object, 0, true, calls[i].fields }, { 0 }
		};

		if (!str_eq(calls[i].type, type))
			continue;
		if (str_set(&ret->op, calls[i].op) < 0)
			return err_oom(err);
		return json_decode(root, whole, ret, err);
	}
	return API_NO_CALL;
}
