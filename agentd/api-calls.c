/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-members.h"

#include "agentd/api-container-info.h"
#include "agentd/api-network.h"
#include "agentd/api-own-calls.h"
#include "agentd/api-resources.h"
#include "agentd/api-volumes.h"
#include "common/cleanup.h"

#include <errno.h>

#define URI_SEPARATOR ',' /* of agentd/sandbox.h */

#define PARENTS_MAX 32

#define AT(member) offsetof(struct api_members, member)
#define URI_AT(member) offsetof(struct api_uri, member)

/* ---- decoders, whose messages follow the path of a member ---- */

/* What Mesos has and the agent has not; an empty list asks for nothing. */
int api_refuse(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_ARRAY && !v->first)
		return 0;
	return err_say(err, EINVAL, " is refused: %s", (const char *)arg);
}

/* For what is true unless it is said to be false. */
static int decode_not(const struct json *v, void *out, const void *arg, struct err *err)
{
	bool value = true;
	int r = json_bool(v, &value, NULL, err);

	*(bool *)out = !value;
	return r;
}

struct variable {
	char *name, *value, *type;
	struct api_secret secret;
};

#define VARIABLE_AT(member) offsetof(struct variable, member)
static const struct json_field variable_fields[] = {
	{ "name", json_string, VARIABLE_AT(name) },
	{ "value", json_string, VARIABLE_AT(value) },
	{ "type", json_string, VARIABLE_AT(type) },
	{ "secret", json_object, VARIABLE_AT(secret), false, api_secret_members },
	{ 0 },
};
static const struct json_array_of variable_array = { sizeof(struct variable),
	variable_fields, NULL };

static int add_variable(
	struct run_options *run, const struct variable *v, struct err *err)
{
	if (str_empty(v->name) || strchr(v->name, '='))
		return err_say(err, EINVAL,
			" must be of variables with a name that has no \"=\"");
	if (v->type && str_eq(v->type, "SECRET"))
		return api_secret_add(&v->secret, v->name, &run->secret_env, err);
	if (v->type && !str_eq(v->type, "VALUE") && !str_eq(v->type, "UNKNOWN"))
		return err_say(err, EINVAL,
			" has a variable of type %.40s: want VALUE or SECRET", v->type);
	return strv_take((strv *)(void *)&run->env,
		       str_printf("%s=%s", v->name, v->value ? v->value : "")) < 0
		       ? err_oom(err)
		       : 0;
}

static int decode_variables(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	static const struct json_field whole[] = {
		{ "variables", json_array, 0, true, &variable_array }, { 0 }
	};
	struct {
		struct variable *items;
		size_t count;
	} variables = { 0 };
	int r = json_array(v, &variables, &variable_array, err);

	for (size_t i = 0; r == 0 && i < variables.count; i++)
		r = add_variable(out, &variables.items[i], err);
	json_release(whole, &variables);
	return r;
}

static int decode_container_id_word(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_STRING && str_eq(v->string, "CONTAINER_ID"))
		return 0;
	return err_say(err, EINVAL, " must be CONTAINER_ID in the first record");
}

/* A container's id holds its parent's, and so on; the names from the outermost on. */
static int decode_parents(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	const char *names[PARENTS_MAX];
	size_t count = 0;

	for (; v && v->type != JSON_NULL; v = json_get(v, "parent")) {
		const char *name = json_get_string(v, "value");

		if (!name || count == PARENTS_MAX)
			return err_say(err, EINVAL,
				" must be {\"value\":NAME}, with a parent in it perhaps, at "
				"most %d in all",
				PARENTS_MAX);
		names[count++] = name;
	}
	while (count) {
		if (strv_add(out, names[--count]) < 0)
			return err_oom(err);
	}
	return 0;
}

/* ---- tables ---- */

static const struct json_field container_id_members[] = {
	{ "value", json_string, AT(call.container), true },
	{ "parent", decode_parents, AT(call.parents) },
	{ 0 },
};

static const struct json_field uri_fields[] = {
	{ "value", json_string, URI_AT(value), true },
	{ "output_file", json_string, URI_AT(output_file) },
	{ "executable", json_bool, URI_AT(is_executable) },
	{ "cache", json_bool, URI_AT(is_cached) },
	{ "extract", decode_not, URI_AT(is_kept) },
	{ 0 },
};
static const struct json_array_of uri_array = { sizeof(struct api_uri), uri_fields,
	NULL };

static const struct json_field environment_members[] = {
	{ "variables", decode_variables, AT(call.run) },
	{ 0 },
};
const struct json_field api_command_members[] = {
	{ "value", json_string, AT(value) },
	{ "shell", decode_not, AT(is_program) },
	{ "arguments", json_strv, AT(arguments) },
	{ "user", json_string, AT(call.run.user) },
	{ "environment", json_object, 0, false, environment_members },
	{ "uris", json_array, AT(uris), false, &uri_array },
	{ 0 },
};

static const struct json_field docker_image_members[] = {
	{ "name", json_string, AT(call.image), true },
	{ "config", api_refuse, 0, false, "a secret for the registry cannot be given" },
	{ "credential", api_refuse, 0, false,
		"a login for the registry cannot be given" },
	{ 0 },
};
static const struct json_field image_members[] = {
	{ "type", json_string, AT(image_type), true },
	{ "docker", json_object, 0, false, docker_image_members },
	{ "appc", api_refuse, 0, false,
		"App Container Images are not found by this call: load one and name it" },
	{ 0 },
};
static const struct json_field mesos_members[] = {
	{ "image", json_object, 0, false, image_members },
	{ 0 },
};
const struct json_field api_container_members[] = {
	{ "type", json_string, AT(container_type), true },
	{ "mesos", json_object, 0, false, mesos_members },
	{ "hostname", json_string, AT(call.run.hostname) },
	{ "docker", api_refuse, 0, false, "there is no Docker here: use the type MESOS" },
	{ "volumes", api_volumes, AT(call.run) },
	{ "network_infos", json_array, AT(networks), false, &api_network_array },
	{ "linux_info", json_object, AT(call.run), false, api_linux_info_members },
	{ "rlimit_info", api_rlimit_info, AT(call.run) },
	{ "tty_info", api_tty_info, AT(call.run) },
	{ 0 },
};

static const struct json_field launch_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "command", json_object, 0, false, api_command_members },
	{ "container", json_object, 0, false, api_container_members },
	{ "resources", api_decode_resources },
	{ "limits", json_object, 0, false, api_limit_members },
	{ "nesting", json_bool, AT(call.run.has_nesting) },
	{ 0 },
};
static const struct json_field container_call_members[] = {
	{ "container_id", json_object, 0, true, container_id_members },
	{ "signal", json_u32, AT(call.signal) },
	{ "force", json_bool, AT(call.is_forced) },
	{ 0 },
};

/* The first record; what follows it is read by api-input-parse.c. */
static const struct json_field attach_input_members[] = {
	{ "type", decode_container_id_word, 0, true },
	{ "container_id", json_object, 0, true, container_id_members },
	{ 0 },
};

static const struct json_field list_files_members[] = {
	{ "path", json_string, AT(call.file.path), true },
	{ 0 },
};
static const struct json_field read_file_members[] = {
	{ "path", json_string, AT(call.file.path), true },
	{ "offset", json_u64, AT(call.file.offset), true },
	{ "length", json_u64, AT(call.file.length) },
	{ 0 },
};

static const struct json_field prune_members[] = {
	{ "excluded_images", api_refuse, 0, false,
		"this agent keeps those of its containers alone" },
	{ 0 },
};

static const struct json_field containers_members[] = {
	{ "show_nested", json_bool, AT(call.is_deep) },
	{ 0 },
};

static const struct {
	const char *type, *op;
	const char *member; /* that holds what the call says; NULL: it says nothing */
	const struct json_field *fields;
	bool is_nested;	  /* of a container in another one */
	bool is_session;  /* which ends with the connection */
	bool is_optional; /* the member */
} calls[] = {
	{ "GET_HEALTH", "health", NULL, NULL },
	{ "GET_VERSION", "version", NULL, NULL },
	{ "GET_AGENT", "agent", NULL, NULL },
	{ "GET_CONTAINERS", "containers", "get_containers", containers_members,
		.is_optional = true },
	{ "LAUNCH_CONTAINER", "launch", "launch_container", launch_members },
	{ "PRUNE_IMAGES", "prune-images", "prune_images", prune_members,
		.is_optional = true },
	{ "WAIT_CONTAINER", "wait", "wait_container", container_call_members },
	{ "KILL_CONTAINER", "kill", "kill_container", container_call_members },
	{ "GET_VOLUMES", "volumes", NULL, NULL },
	{ "CREATE_VOLUMES", "create-volumes", "create_volumes", api_volumes_members },
	{ "GROW_VOLUMES", "grow-volumes", "grow_volumes", api_volumes_members },
	{ "DESTROY_VOLUMES", "destroy-volumes", "destroy_volumes", api_volumes_members },
	{ "REMOVE_CONTAINER", "remove", "remove_container", container_call_members },
	{ "LAUNCH_TASK", "launch-tasks", "launch_task", api_launch_task_members },
	{ "LAUNCH_TASK_GROUP", "launch-tasks", "launch_task_group",
		api_launch_group_members },
	{ "KILL_TASK", "kill-task", "kill_task", api_kill_task_members },
	{ "GET_TASKS", "tasks", NULL, NULL },
	{ "ACKNOWLEDGE", "acknowledge", "acknowledge", api_acknowledge_members },
	{ "RECONCILE", "reconcile", "reconcile", api_reconcile_members },
	{ "LIST_FILES", "list-files", "list_files", list_files_members },
	{ "READ_FILE", "read-file", "read_file", read_file_members },
	{ "ATTACH_CONTAINER_OUTPUT", "attach", "attach_container_output",
		container_call_members },
	{ "ATTACH_CONTAINER_INPUT", "attach-input", "attach_container_input",
		attach_input_members },
	{ "LAUNCH_NESTED_CONTAINER", "launch", "launch_nested_container", launch_members,
		true },
	{ "LAUNCH_NESTED_CONTAINER_SESSION", "launch", "launch_nested_container_session",
		launch_members, true, true },
	{ "WAIT_NESTED_CONTAINER", "wait", "wait_nested_container",
		container_call_members, true },
	{ "KILL_NESTED_CONTAINER", "kill", "kill_nested_container",
		container_call_members, true },
	{ "REMOVE_NESTED_CONTAINER", "remove", "remove_nested_container",
		container_call_members, true },
};

/* Of the API, but not of this agent. */
static const char *const others[] = { "GET_FLAGS", "GET_METRICS", "GET_LOGGING_LEVEL",
	"SET_LOGGING_LEVEL", "GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS",
	"GET_OPERATIONS", "GET_RESOURCE_PROVIDERS", "ADD_RESOURCE_PROVIDER_CONFIG",
	"UPDATE_RESOURCE_PROVIDER_CONFIG", "REMOVE_RESOURCE_PROVIDER_CONFIG",
	"MARK_RESOURCE_PROVIDER_GONE", NULL };

/* What is not handed on with the call. */
static const struct json_field own_fields[] = {
	{ "value", json_string, AT(value) },
	{ "arguments", json_strv, AT(arguments) },
	{ "uris", json_array, AT(uris), false, &uri_array },
	{ "networks", json_array, AT(networks), false, &api_network_array },
	{ "container_type", json_string, AT(container_type) },
	{ "image_type", json_string, AT(image_type) },
	{ 0 },
};

/* ---- what a table cannot say ---- */

static int check_image(struct api_members *request, struct err *err)
{
	struct agent_call *call = &request->call;

	if (request->container_type && !str_eq(request->container_type, "MESOS"))
		return err_say(err, EINVAL,
			"launch_container.container.type: there is no %.40s here: use MESOS",
			request->container_type);
	if (!request->image_type)
		return 0;
	if (!str_eq(request->image_type, "DOCKER") || !call->image)
		return err_say(err, EINVAL,
			"launch_container.container.mesos.image: want {\"type\":\"DOCKER\","
			"\"docker\":{\"name\":NAME}}");
	return 0;
}

static int add_uri(const struct api_uri *uri, size_t i, strv *ret, struct err *err)
{
	char *text;

	if (strchr(uri->value, URI_SEPARATOR) ||
		(uri->output_file && strchr(uri->output_file, URI_SEPARATOR)))
		return err_say(err, EINVAL,
			"launch_container.command.uris[%zu]: a comma in it cannot be passed on; "
			"write %%2C",
			i);
	text = str_printf("%s%s%s%s%s%s", uri->value,
		uri->is_kept ? ",extract=false" : "",
		uri->is_executable ? ",executable=true" : "",
		uri->is_cached ? ",cache=true" : "",
		uri->output_file ? ",output_file=" : "",
		uri->output_file ? uri->output_file : "");
	return strv_take(ret, text) < 0 ? err_oom(err) : 0;
}

static int finish_uris(struct api_members *request, struct err *err)
{
	strv uris = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->uris.count; i++)
		r = add_uri(&request->uris.items[i], i, &uris, err);
	request->call.run.uris = uris;
	return r;
}

/* A program is told by its value and gets the arguments as they are, its own name first. */
static int add_command(const struct api_members *request, strv *ret)
{
	const char *value = request->value;

	if (value && !request->is_program)
		return strv_add(ret, "/bin/sh") < 0 || strv_add(ret, "-c") < 0
			       ? -ENOMEM
			       : strv_add(ret, value);
	if (value && strv_add(ret, value) < 0)
		return -ENOMEM;
	strv_each (word, request->arguments) {
		if (value && word == request->arguments)
			continue;
		if (strv_add(ret, *word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int finish_command(struct api_members *request, struct err *err)
{
	strv command = NULL;
	int r = add_command(request, &command);

	request->call.run.command = command;
	return r < 0 ? err_oom(err) : 0;
}

int api_members_finish(struct api_members *request, struct err *err)
{
	int r = check_image(request, err);

	if (r == 0)
		r = finish_uris(request, err);
	if (r == 0)
		r = finish_command(request, err);
	if (r == 0)
		r = api_limits_finish(request, err);
	if (r == 0)
		r = api_networks_finish(&request->networks, &request->call.run, err);
	return r;
}

void api_members_done(struct api_members *request)
{
	json_release(own_fields, request);
}

static int say_unknown(const char *type, struct err *err)
{
	char shown[64];

	str_printable(type, shown, sizeof(shown));
	for (size_t i = 0; others[i]; i++) {
		if (str_eq(type, others[i]))
			return err_say(
				err, ENOSYS, "type: this agent does not have %s", shown);
	}
	return err_say(err, EINVAL, "type: there is no call %s", shown);
}

static int parse_own(const struct json *root, const char *type, struct agent_call *call,
	struct err *err)
{
	int r = api_own_call_parse(root, type, call, err);

	if (r == API_NO_CALL)
		return say_unknown(type, err);
	return r == 0 ? agent_call_check(call, err) : r;
}

static int parse_call(
	const struct json *root, struct api_members *request, struct err *err)
{
	const char *type = json_get_string(root, "type");
	size_t i = 0;
	int r = 0;

	if (!type)
		return err_say(err, EINVAL, "type: want the name of a call");
	while (i < sizeof(calls) / sizeof(calls[0]) && !str_eq(calls[i].type, type))
		i++;
	if (i == sizeof(calls) / sizeof(calls[0]))
		return parse_own(root, type, &request->call, err);
	if (str_set(&request->call.op, calls[i].op) < 0)
		return err_oom(err);
	request->call.is_nested = calls[i].is_nested;
	request->call.is_attached = request->call.run.is_session = calls[i].is_session;
	if (calls[i].member) {
		const struct json_field whole[] = { { calls[i].member, json_object, 0,
							    !calls[i].is_optional,
							    calls[i].fields },
			{ 0 } };

		r = json_decode(root, whole, request, err);
	}
	if (r == 0)
		r = api_members_finish(request, err);
	return r == 0 ? agent_call_check(&request->call, err) : r;
}

int api_call_parse(const char *text, size_t len, struct agent_call *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct api_members request = { 0 };
	int r = json_parse(text, len, &doc, err);

	if (r == 0 && json_root(doc)->type != JSON_OBJECT)
		r = err_say(err, EINVAL, "want an object");
	if (r == 0)
		r = parse_call(json_root(doc), &request, err);
	api_members_done(&request);
	if (r < 0)
		agent_call_done(&request.call);
	else
		*ret = request.call;
	return r == 0 || r == -ENOSYS || r == -ENOMEM ? r : -EINVAL;
}
