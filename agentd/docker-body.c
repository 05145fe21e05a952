/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-body.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define NANO_CPUS 1e9

/* All nested tables write into this one struct. */
struct request {
	struct agent_call call;
	strv entrypoint;
	bool has_entrypoint;
};

#define AT(member) offsetof(struct request, member)

/* ---- decoders, whose messages follow the path of a member ---- */

/* What is refused but for what asks for nothing. */
struct refusal {
	const char *why;
	const char *const *words; /* that ask for nothing, besides "" */
};

static bool is_nothing(const struct json *v, const struct refusal *refusal)
{
	switch (v->type) {
	case JSON_NULL: return true;
	case JSON_BOOL: return !v->is_true;
	case JSON_NUMBER: return str_eq(v->string, "0") || str_eq(v->string, "-1");
	case JSON_ARRAY:
	case JSON_OBJECT: return !v->first;
	case JSON_STRING: break;
	}
	for (size_t i = 0; refusal->words && refusal->words[i]; i++) {
		if (str_eq(refusal->words[i], v->string))
			return true;
	}
	return !*v->string;
}

static int refuse(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct refusal *refusal = arg;

	return is_nothing(v, refusal)
		       ? 0
		       : err_say(err, EINVAL, " is refused: %s", refusal->why);
}

/* Go writes an absent string as "". */
static int decode_string(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	return v->type == JSON_STRING && !*v->string ? 0 : json_string(v, out, arg, err);
}

/* One word, or a list of them. */
static int decode_words(const struct json *v, void *out, const void *arg, struct err *err)
{
	char *word = NULL;
	int r;

	if (v->type != JSON_STRING)
		return json_strv(v, out, arg, err);
	r = json_string(v, &word, NULL, err);
	return r < 0 ? r : strv_take(out, word) < 0 ? err_oom(err) : 0;
}

static int decode_entrypoint(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	struct request *request = out;

	request->has_entrypoint = true;
	return decode_words(v, &request->entrypoint, arg, err);
}

/* Of a number that must not be negative: its digits. 0 asks for nothing. */
static int decode_amount(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	uint64_t value = 0;
	int r = json_u64(v, &value, NULL, err);

	if (r < 0 || !value)
		return r;
	*(char **)out = str_printf("%" PRIu64, value);
	return *(char **)out ? 0 : err_oom(err);
}

/* -1: no limit. */
static int decode_swap(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_NUMBER && str_eq(v->string, "-1"))
		return str_set(out, "-1") < 0 ? err_oom(err) : 0;
	return decode_amount(v, out, arg, err);
}

static int decode_cpus(const struct json *v, void *out, const void *arg, struct err *err)
{
	uint64_t nano = 0;
	int r = json_u64(v, &nano, NULL, err);

	if (r < 0 || !nano)
		return r;
	*(char **)out = str_printf("%.3f", (double)nano / NANO_CPUS);
	return *(char **)out ? 0 : err_oom(err);
}

/* -1 is no time at all in docker's words: for ever. */
static int decode_seconds(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	int32_t value = 0;
	int r = json_i32(v, &value, NULL, err);

	if (r < 0)
		return r;
	*(char **)out = str_printf("%" PRId32, value < 0 ? INT32_MAX : value);
	return *(char **)out ? 0 : err_oom(err);
}

/* {"/tmp": "size=1m"} as "/tmp:size=1m". */
static int decode_tmpfs(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object");
	json_each (member, v) {
		if (member->type != JSON_STRING)
			return err_say(
				err, EINVAL, ".%.80s must be a string", member->key);
		if (strv_take(out, str_printf("%s%s%s", member->key,
					   *member->string ? ":" : "", member->string)) <
			0)
			return err_oom(err);
	}
	return 0;
}

/* "A" without a value takes a variable of the image away; there is nothing to be added. */
static int decode_env(const struct json *v, void *out, const void *arg, struct err *err)
{
	cleanup_strv strv all = NULL;
	int r = json_strv(v, &all, NULL, err);

	if (r < 0)
		return r;
	strv_each (assignment, all) {
		if (**assignment == '=' || !**assignment)
			return err_say(err, EINVAL,
				" has \"%.40s\": want a variable with a name",
				*assignment);
		if (strchr(*assignment, '=') && strv_add(out, *assignment) < 0)
			return err_oom(err);
	}
	return 0;
}

/* ---- tables ---- */

#define REFUSED(key, ...)                                                                \
	{                                                                                \
		key, refuse, 0, false, &(const struct refusal)                           \
		{                                                                        \
			__VA_ARGS__                                                      \
		}                                                                        \
	}

static const char *const words_default[] = { "default", "bridge", NULL };
static const char *const words_private[] = { "private", "shareable", NULL };
static const char *const words_no[] = { "no", NULL };
static const char *const words_log[] = { "json-file", "local", NULL };
static const char *const words_runtime[] = { "runc", "ucr", NULL };

#define NOT_GIVEN "this agent does not give it"

static const struct json_field restart_members[] = {
	REFUSED("Name", "a container of this API is not started again by itself",
		words_no),
	{ 0 },
};
static const struct json_field log_members[] = {
	REFUSED("Type", "the log is the agent's own", words_log),
	{ 0 },
};

static const struct json_field host_members[] = {
	{ "AutoRemove", json_bool, AT(call.run.is_auto_removed) },
	{ "ReadonlyRootfs", json_bool, AT(call.run.is_read_only) },
	{ "Init", json_bool, AT(call.run.has_init) },
	{ "Tmpfs", decode_tmpfs, AT(call.run.tmpfs) },
	{ "ShmSize", decode_amount, AT(call.run.shm_size) },
	{ "Memory", decode_amount, AT(call.run.memory) },
	{ "MemorySwap", decode_swap, AT(call.run.memory_swap) },
	{ "NanoCpus", decode_cpus, AT(call.run.cpus) },
	{ "CpuShares", decode_amount, AT(call.run.cpu_shares) },
	{ "CpusetCpus", decode_string, AT(call.run.cpuset_cpus) },
	{ "CapDrop", json_strv, AT(call.run.cap_drop) },
	{ "RestartPolicy", json_object, 0, false, restart_members },
	{ "LogConfig", json_object, 0, false, log_members },
	REFUSED("Binds", "this agent gives out no volumes"),
	REFUSED("Mounts", "this agent gives out no volumes"),
	REFUSED("VolumesFrom", "this agent gives out no volumes"),
	REFUSED("VolumeDriver", "there are no drivers of volumes here", NULL),
	REFUSED("Privileged", "no container has all privileges here"),
	REFUSED("CapAdd", "capabilities beyond the usual are not given"),
	REFUSED("SecurityOpt", "how containers are confined is the agent's"),
	REFUSED("Devices", "devices of the host are not given"),
	REFUSED("DeviceCgroupRules", "devices of the host are not given"),
	REFUSED("DeviceRequests", "devices of the host are not given"),
	REFUSED("NetworkMode", "this agent has no network of that kind to join",
		words_default),
	REFUSED("PortBindings", "no ports are published by this agent"),
	REFUSED("PublishAllPorts", "no ports are published by this agent"),
	REFUSED("Dns", "name servers are the agent's"),
	REFUSED("DnsOptions", "name servers are the agent's"),
	REFUSED("DnsSearch", "name servers are the agent's"),
	REFUSED("ExtraHosts", NOT_GIVEN),
	REFUSED("Links", "containers are not linked here"),
	REFUSED("GroupAdd", NOT_GIVEN),
	REFUSED("IpcMode", "namespaces are the agent's", words_private),
	REFUSED("PidMode", "namespaces are the agent's", words_private),
	REFUSED("UTSMode", "namespaces are the agent's", words_private),
	REFUSED("UsernsMode", "namespaces are the agent's", words_private),
	REFUSED("CgroupnsMode", "namespaces are the agent's", words_private),
	REFUSED("CgroupParent", "the place of a control group is the agent's"),
	REFUSED("Sysctls", "settings of the kernel are the agent's"),
	REFUSED("Ulimits", "limits of processes are the agent's"),
	REFUSED("PidsLimit", "the limit of processes is the agent's"),
	REFUSED("CpuPeriod", "give NanoCpus (--cpus)"),
	REFUSED("CpuQuota", "give NanoCpus (--cpus)"),
	REFUSED("CpuRealtimePeriod", NOT_GIVEN),
	REFUSED("CpuRealtimeRuntime", NOT_GIVEN),
	REFUSED("CpusetMems", NOT_GIVEN),
	REFUSED("MemoryReservation", NOT_GIVEN),
	REFUSED("KernelMemory", NOT_GIVEN),
	REFUSED("KernelMemoryTCP", NOT_GIVEN),
	REFUSED("OomKillDisable", NOT_GIVEN),
	REFUSED("OomScoreAdj", NOT_GIVEN),
	REFUSED("BlkioWeight", NOT_GIVEN),
	REFUSED("BlkioWeightDevice", NOT_GIVEN),
	REFUSED("BlkioDeviceReadBps", NOT_GIVEN),
	REFUSED("BlkioDeviceWriteBps", NOT_GIVEN),
	REFUSED("BlkioDeviceReadIOps", NOT_GIVEN),
	REFUSED("BlkioDeviceWriteIOps", NOT_GIVEN),
	REFUSED("StorageOpt", NOT_GIVEN),
	REFUSED("Runtime", "ucr is the runtime", words_runtime),
	REFUSED("Isolation", NOT_GIVEN, words_default),
	{ 0 },
};

static const struct json_field create_members[] = {
	{ "Image", decode_string, AT(call.image), true },
	{ "Hostname", decode_string, AT(call.run.hostname) },
	{ "User", decode_string, AT(call.run.user) },
	{ "WorkingDir", decode_string, AT(call.run.workdir) },
	{ "Cmd", decode_words, AT(call.run.command) },
	{ "Entrypoint", decode_entrypoint, 0 },
	{ "Env", decode_env, AT(call.run.env) },
	{ "Labels", json_string_map, AT(call.run.labels) },
	{ "Tty", json_bool, AT(call.run.has_terminal) },
	{ "OpenStdin", json_bool, AT(call.run.is_interactive) },
	{ "StopSignal", decode_string, AT(call.run.stop_signal) },
	{ "StopTimeout", decode_seconds, AT(call.run.stop_timeout) },
	{ "HostConfig", json_object, 0, false, host_members },
	REFUSED("Domainname", NOT_GIVEN),
	REFUSED("Volumes", "this agent gives out no volumes"),
	REFUSED("Healthcheck", "health is not looked at by this API"),
	REFUSED("MacAddress", NOT_GIVEN),
	REFUSED("NetworkDisabled", NOT_GIVEN),
	REFUSED("OnBuild", NOT_GIVEN),
	{ 0 },
};

static const struct json_field exec_members[] = {
	{ "Cmd", decode_words, AT(call.run.command), true },
	{ "User", decode_string, AT(call.run.user) },
	{ "WorkingDir", decode_string, AT(call.run.workdir) },
	{ "Env", decode_env, AT(call.run.env) },
	{ "Tty", json_bool, AT(call.run.has_terminal) },
	{ "AttachStdin", json_bool, AT(call.run.is_interactive) },
	REFUSED("Privileged", "no process has all privileges here"),
	{ 0 },
};

static const struct json_field start_members[] = {
	{ "Tty", json_bool, AT(call.run.has_terminal) },
	{ "Detach", json_bool, AT(call.docker.is_detached) },
	{ 0 },
};

/* What is not handed over to the call. */
static const struct json_field own_fields[] = {
	{ "entrypoint", json_strv, AT(entrypoint) },
	{ 0 },
};

/* ---- what a table cannot say ---- */

/* As a JSON array, where it is not "none". */
static int finish_entrypoint(struct request *request, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	if (!request->has_entrypoint)
		return 0;
	if (request->entrypoint && *request->entrypoint[0])
		jw_strv(&w, NULL, request->entrypoint);
	else
		buf_puts(&b, "");
	if (buf_finish(&b) < 0)
		return err_oom(err);
	request->call.run.entrypoint = buf_take(&b);
	return request->call.run.entrypoint ? 0 : err_oom(err);
}

/* Whatever was decoded is the call's, also after a failure. */
static int decode(const struct json *root, const struct json_field *fields,
	struct agent_call *call, struct err *err)
{
	struct request request = { .call = *call };
	int r;

	if (root->type != JSON_OBJECT)
		return err_say(err, EINVAL, "want an object");
	r = json_decode(root, fields, &request, err);
	if (r == 0)
		r = finish_entrypoint(&request, err);
	json_release(own_fields, &request);
	*call = request.call;
	return r;
}

int docker_body_create(const struct json *root, struct agent_call *call, struct err *err)
{
	int r = decode(root, create_members, call, err);

	if (r == 0 && !call->image)
		r = err_say(err, EINVAL, "Image: want the name of an image");
	return r;
}

int docker_body_exec(const struct json *root, struct agent_call *call, struct err *err)
{
	int r = decode(root, exec_members, call, err);

	if (r == 0 && !call->run.command)
		r = err_say(err, EINVAL, "Cmd: want a command");
	return r;
}

int docker_body_start(const struct json *root, struct agent_call *call, struct err *err)
{
	return decode(root, start_members, call, err);
}
