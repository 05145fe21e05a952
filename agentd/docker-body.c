/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-body.h"

#include "agentd/docker-decode.h"
#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define NANO_CPUS 1e9

/* All nested tables write into this one struct. */
struct request {
	struct agent_call call;
	strv entrypoint, endpoints;
	bool has_entrypoint;
};

#define AT(member) offsetof(struct request, member)

/* ---- decoders, whose messages follow the path of a member ---- */

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

static int set_variable(const char *text, struct request *request, struct err *err)
{
	strv *env = (strv *)(void *)&request->call.run.env;
	strv *removed = (strv *)(void *)&request->call.run.env_removed;

	if (*text == '=' || !*text)
		return err_say(
			err, EINVAL, " has \"%.40s\": want a variable with a name", text);
	if (strchr(text, '='))
		return strv_env_set(env, text) < 0 ? err_oom(err) : 0;
	strv_env_unset(*env, text);
	return strv_add(removed, text) < 0 ? err_oom(err) : 0;
}

/* "A" without a value takes a variable away: the image's, or one that stands before it. */
static int decode_env(const struct json *v, void *out, const void *arg, struct err *err)
{
	cleanup_strv strv all = NULL;
	int r = json_strv(v, &all, NULL, err);

	strv_each (text, all) {
		if (r == 0)
			r = set_variable(*text, out, err);
	}
	return r;
}

/* ---- tables ---- */

static const char *const words_default[] = { "default", NULL };
static const char *const words_private[] = { "private", "shareable", NULL };
static const char *const words_no[] = { "no", NULL };
static const char *const words_log[] = { "json-file", "local", NULL };
static const char *const words_runtime[] = { "runc", "ucr", NULL };

#define NOT_GIVEN "this agent does not give it"
#define WHY_CONFINED "how containers are confined is the agent's"

static const struct json_field restart_members[] = {
	DOCKER_REFUSED("Name", "a container of this API is not started again by itself",
		words_no),
	{ 0 },
};
static const struct json_field log_members[] = {
	DOCKER_REFUSED("Type", "the log is the agent's own", words_log),
	DOCKER_REFUSED("Config", "the log is the agent's own"),
	{ 0 },
};

static const struct json_field host_members[] = {
	{ "AutoRemove", json_bool, AT(call.run.is_auto_removed) },
	{ "ReadonlyRootfs", json_bool, AT(call.run.is_read_only) },
	{ "Init", json_bool, AT(call.run.has_init) },
	{ "Tmpfs", decode_tmpfs, AT(call.run.tmpfs) },
	{ "ShmSize", docker_decode_amount, AT(call.run.shm_size) },
	{ "Memory", docker_decode_amount, AT(call.run.memory) },
	{ "MemorySwap", docker_decode_limit, AT(call.run.memory_swap) },
	{ "NanoCpus", decode_cpus, AT(call.run.cpus) },
	{ "CpuShares", docker_decode_amount, AT(call.run.cpu_shares) },
	{ "CpusetCpus", decode_string, AT(call.run.cpuset_cpus) },
	{ "CpusetMems", decode_string, AT(call.run.cpuset_mems) },
	{ "MemoryReservation", docker_decode_amount, AT(call.run.memory_reservation) },
	{ "MemorySwappiness", docker_decode_swappiness, 0 },
	{ "PidsLimit", docker_decode_limit, AT(call.run.pids_limit) },
	{ "BlkioWeight", docker_decode_amount, AT(call.run.io_weight) },
	{ "BlkioDeviceReadBps", docker_decode_rates, AT(call.run.device_read_bps) },
	{ "BlkioDeviceWriteBps", docker_decode_rates, AT(call.run.device_write_bps) },
	{ "BlkioDeviceReadIOps", docker_decode_rates, AT(call.run.device_read_iops) },
	{ "BlkioDeviceWriteIOps", docker_decode_rates, AT(call.run.device_write_iops) },
	{ "CapDrop", json_strv, AT(call.run.cap_drop) },
	{ "NetworkMode", docker_decode_network, AT(call.run.network) },
	{ "PortBindings", docker_decode_ports, AT(call.run.publish) },
	{ "Dns", json_strv, AT(call.run.dns) },
	{ "RestartPolicy", json_object, 0, false, restart_members },
	{ "LogConfig", json_object, 0, false, log_members },
	{ "Binds", json_strv, AT(call.run.volumes) },
	DOCKER_REFUSED("Mounts", "name volumes by --volume instead"),
	DOCKER_REFUSED("VolumesFrom", "this agent gives out no volumes"),
	DOCKER_REFUSED("VolumeDriver", "there are no drivers of volumes here"),
	DOCKER_REFUSED("Privileged", "no container has all privileges here"),
	DOCKER_REFUSED("CapAdd", "capabilities beyond the usual are not given"),
	DOCKER_REFUSED("SecurityOpt", WHY_CONFINED),
	DOCKER_REFUSED("Devices", "devices of the host are not given"),
	DOCKER_REFUSED("DeviceCgroupRules", "devices of the host are not given"),
	DOCKER_REFUSED("DeviceRequests", "devices of the host are not given"),
	DOCKER_REFUSED("PublishAllPorts", "name the ports to publish"),
	DOCKER_REFUSED("DnsOptions", NOT_GIVEN),
	DOCKER_REFUSED("DnsSearch", NOT_GIVEN),
	DOCKER_REFUSED("ExtraHosts", NOT_GIVEN),
	DOCKER_REFUSED("Links", "containers are not linked here"),
	DOCKER_REFUSED("GroupAdd", NOT_GIVEN),
	DOCKER_REFUSED("IpcMode", "namespaces are the agent's", words_private),
	DOCKER_REFUSED("PidMode", "namespaces are the agent's", words_private),
	DOCKER_REFUSED("UTSMode", "namespaces are the agent's", words_private),
	DOCKER_REFUSED("UsernsMode", "namespaces are the agent's", words_private),
	DOCKER_REFUSED("CgroupnsMode", "namespaces are the agent's", words_private),
	DOCKER_REFUSED("CgroupParent", "the place of a control group is the agent's"),
	DOCKER_REFUSED("Sysctls", "settings of the kernel are the agent's"),
	DOCKER_REFUSED("Ulimits", "limits of processes are the agent's"),
	DOCKER_REFUSED("CpuPeriod", "give NanoCpus (--cpus)"),
	DOCKER_REFUSED("CpuQuota", "give NanoCpus (--cpus)"),
	DOCKER_REFUSED("CpuRealtimePeriod", NOT_GIVEN),
	DOCKER_REFUSED("CpuRealtimeRuntime", NOT_GIVEN),
	DOCKER_REFUSED("KernelMemory", NOT_GIVEN),
	DOCKER_REFUSED("KernelMemoryTCP", NOT_GIVEN),
	DOCKER_REFUSED("OomKillDisable", NOT_GIVEN),
	DOCKER_REFUSED("OomScoreAdj", NOT_GIVEN, .is_signed = true),
	DOCKER_REFUSED("BlkioWeightDevice", NOT_GIVEN),
	DOCKER_REFUSED("StorageOpt", NOT_GIVEN),
	{ "MaskedPaths", docker_refuse_all, 0, false, WHY_CONFINED },
	{ "ReadonlyPaths", docker_refuse_all, 0, false, WHY_CONFINED },
	DOCKER_REFUSED("Runtime", "ucr is the runtime", words_runtime),
	DOCKER_REFUSED("Isolation", NOT_GIVEN, words_default),
	{ 0 },
};

static const struct json_field networking_members[] = {
	{ "EndpointsConfig", docker_decode_endpoints, AT(endpoints) },
	{ 0 },
};

static const struct json_field create_members[] = {
	{ "Image", decode_string, AT(call.image), true },
	{ "Hostname", decode_string, AT(call.run.hostname) },
	{ "User", decode_string, AT(call.run.user) },
	{ "WorkingDir", decode_string, AT(call.run.workdir) },
	{ "Cmd", decode_words, AT(call.run.command) },
	{ "Entrypoint", decode_entrypoint, 0 },
	{ "Env", decode_env, 0 },
	{ "Labels", json_string_map, AT(call.run.labels) },
	{ "Tty", json_bool, AT(call.run.has_terminal) },
	{ "OpenStdin", json_bool, AT(call.run.is_interactive) },
	{ "StopSignal", decode_string, AT(call.run.stop_signal) },
	{ "StopTimeout", decode_seconds, AT(call.run.stop_timeout) },
	{ "HostConfig", json_object, 0, false, host_members },
	{ "NetworkingConfig", json_object, 0, false, networking_members },
	DOCKER_REFUSED("Domainname", NOT_GIVEN),
	DOCKER_REFUSED("Volumes", "this agent gives out no volumes"),
	DOCKER_REFUSED("Healthcheck", "health is not looked at by this API"),
	DOCKER_REFUSED("MacAddress", NOT_GIVEN),
	DOCKER_REFUSED("NetworkDisabled", NOT_GIVEN),
	DOCKER_REFUSED("OnBuild", NOT_GIVEN),
	{ 0 },
};

static const struct json_field exec_members[] = {
	{ "Cmd", decode_words, AT(call.run.command), true },
	{ "User", decode_string, AT(call.run.user) },
	{ "WorkingDir", decode_string, AT(call.run.workdir) },
	{ "Env", decode_env, 0 },
	{ "Tty", json_bool, AT(call.run.has_terminal) },
	{ "AttachStdin", json_bool, AT(call.run.is_interactive) },
	DOCKER_REFUSED("Privileged", "no process has all privileges here"),
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
	{ "endpoints", json_strv, AT(endpoints) },
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

/* A container is in one network, which NetworkMode names. */
static int check_endpoints(const struct request *request, struct err *err)
{
	const char *network = request->call.run.network;

	strv_each (name, request->endpoints) {
		bool is_default = str_eq(*name, "default") || str_eq(*name, "bridge");

		if (network ? !str_eq(*name, network) : !is_default)
			return err_say(err, EINVAL,
				"NetworkingConfig.EndpointsConfig.%.40s is refused: "
				"HostConfig.NetworkMode is %s",
				*name, network ? network : "default");
	}
	return 0;
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
	if (r == 0)
		r = check_endpoints(&request, err);
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
