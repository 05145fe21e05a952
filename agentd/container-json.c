/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-json.h"

#include "agentd/container-limit.h"
#include "agentd/container-ports.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/timestamp.h"

#define CONFIG_MAX (8U << 20)

static void write_time(struct json_writer *w, const char *key, int64_t ns)
{
	char text[TIMESTAMP_MAX];

	jw_string(w, key, ns ? timestamp_format(ns, text) : NULL);
}

/* Docker's word for each status, and what it says to people where the status alone says it. */
static const struct {
	const char *word, *text;
} docker_words[] = {
	[CONTAINER_CREATED] = { "created", "Created" },
	[CONTAINER_CREATING] = { "created", "Created" },
	[CONTAINER_RUNNING] = { "running", "Up" },
	[CONTAINER_PAUSED] = { "paused", "Paused" },
	[CONTAINER_EXITED] = { "exited", "Exited" },
	[CONTAINER_LOST] = { "dead", "Dead" },
};

const char *container_docker_status(enum container_status status, bool is_text)
{
	return is_text ? docker_words[status].text : docker_words[status].word;
}

static void write_state(
	struct json_writer *w, const struct container *c, enum inspect_form form)
{
	bool has_ended = !container_is_live(c) && c->status != CONTAINER_CREATED;
	struct container_limit limit;

	jw_object(w, "State");
	jw_string(w, "Status",
		form == INSPECT_AS_DOCKER ? container_docker_status(c->status, false)
					  : container_status_name(c->status));
	jw_bool(w, "Running", c->status == CONTAINER_RUNNING);
	jw_bool(w, "Paused", c->status == CONTAINER_PAUSED);
	jw_bool(w, "Dead", c->status == CONTAINER_LOST);
	jw_bool(w, "OOMKilled", has_ended && c->end.is_oom_killed);
	jw_i64(w, "Pid", c->pid);
	jw_i64(w, "ExitCode", has_ended ? c->end.exit_status : 0);
	jw_i64(w, "ExitSignal", has_ended ? c->end.signal : 0);
	write_time(w, "StartedAt", c->started);
	write_time(w, "FinishedAt", has_ended ? c->end.finished : 0);
	if (has_ended && c->end.memory_peak_bytes != UINT64_MAX)
		jw_u64(w, "MemoryPeak", c->end.memory_peak_bytes);
	if (has_ended && c->end.oom_kills != UINT64_MAX)
		jw_u64(w, "OOMKills", c->end.oom_kills);
	if (container_limit_reached(c, &limit)) {
		jw_string(w, "Reason", limit.reason);
		jw_string(w, "Error", limit.message);
	}
	jw_object_end(w);
}

/* A member of the specification as it stands there, null when it has none. */
static void write_member(struct json_writer *w, const char *key,
	const struct json *parent, const char *member)
{
	const struct json *v = json_get(parent, member);

	if (v)
		jw_json(w, key, v);
	else
		jw_null(w, key);
}

/* "1000:1000", as docker has it. */
static void write_user(struct json_writer *w, const struct json *process)
{
	const struct json *user = json_get(process, "user");
	const struct json *uid = json_get(user, "uid"), *gid = json_get(user, "gid");
	cleanup_free char *text = NULL;

	if (uid && gid && uid->type == JSON_NUMBER && gid->type == JSON_NUMBER)
		text = str_printf("%s:%s", uid->string, gid->string);
	jw_string(w, "User", text);
}

static void write_config(
	struct json_writer *w, const struct container *c, const struct json *spec)
{
	const struct json *process = json_get(spec, "process");

	jw_object(w, "Config");
	jw_string(w, "Image", c->image);
	write_member(w, "Hostname", spec, "hostname");
	write_user(w, process);
	write_member(w, "Env", process, "env");
	jw_strv(w, "Cmd", c->command);
	write_member(w, "WorkingDir", process, "cwd");
	jw_bool(w, "Tty", c->has_terminal);
	jw_bool(w, "OpenStdin", c->has_stdin);
	jw_string_map(w, "Labels", c->labels);
	jw_string(w, "StopSignal", c->stop_signal);
	jw_u64(w, "StopTimeout", c->stop_timeout_ms / 1000);
	jw_object_end(w);
}

static void write_limits(
	struct json_writer *w, const struct container *c, const struct json *spec)
{
	const struct json *linux_part = json_get(spec, "linux");
	const struct json *resources = json_get(linux_part, "resources");
	const struct json *cpu = json_get(resources, "cpu");

	jw_object(w, "HostConfig");
	jw_bool(w, "AutoRemove", c->is_auto_removed);
	write_member(w, "ReadonlyRootfs", json_get(spec, "root"), "readonly");
	write_member(w, "Memory", json_get(resources, "memory"), "limit");
	write_member(w, "MemorySwap", json_get(resources, "memory"), "swap");
	write_member(w, "CpuQuota", cpu, "quota");
	write_member(w, "CpuPeriod", cpu, "period");
	write_member(w, "CpuShares", cpu, "shares");
	write_member(w, "CpusetCpus", cpu, "cpus");
	write_member(w, "PidsLimit", json_get(resources, "pids"), "limit");
	write_member(w, "CgroupPath", linux_part, "cgroupsPath");
	jw_object_end(w);
}

static void write_mounts(struct json_writer *w, const struct json *spec)
{
	jw_array(w, "Mounts");
	json_each (mount, json_get(spec, "mounts")) {
		jw_object(w, NULL);
		write_member(w, "Type", mount, "type");
		write_member(w, "Source", mount, "source");
		write_member(w, "Destination", mount, "destination");
		write_member(w, "Options", mount, "options");
		jw_object_end(w);
	}
	jw_array_end(w);
}

static int load_spec(const struct container *c, struct json_doc **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(c->dirfd, "config.json", CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read config.json of %s", c->id);
	r = json_parse(text, len, ret, err);
	return r < 0 ? err_wrap(err, "config.json of %s", c->id) : 0;
}

static void write_path(struct json_writer *w, const char *key, struct engine *engine,
	const struct container *c, const char *file)
{
	cleanup_free char *path =
		str_printf("%s/containers/%s/%s", engine_root_path(engine), c->id, file);

	jw_string(w, key, path);
}

char *container_docker_name(const struct container *c)
{
	return c->name ? str_printf("/%s", c->name)
		       : str_printf("/%.*s", CONTAINER_SHORT_ID, c->id);
}

static void write_name(
	struct json_writer *w, const struct container *c, enum inspect_form form)
{
	cleanup_free char *name = container_docker_name(c);

	jw_string(w, "Name", form == INSPECT_AS_DOCKER ? name : c->name);
}

int container_write_inspect(struct json_writer *w, struct engine *engine,
	const struct container *c, enum inspect_form form, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *spec;
	int r;

	r = load_spec(c, &doc, err);
	/* One that is only being made has none yet. */
	if (r < 0 && c->status != CONTAINER_CREATING && c->status != CONTAINER_CREATED)
		return r;
	spec = doc ? json_root(doc) : NULL;
	jw_object(w, NULL);
	jw_string(w, "Id", c->id);
	write_name(w, c, form);
	write_time(w, "Created", c->created);
	jw_string(w, "Path", c->command ? c->command[0] : NULL);
	jw_strv(w, "Args", c->command && c->command[0] ? c->command + 1 : NULL);
	write_state(w, c, form);
	jw_string(w, "Image", c->image_id);
	write_config(w, c, spec);
	write_limits(w, c, spec);
	write_mounts(w, spec);
	container_write_network(w, c);
	write_path(w, "LogPath", engine, c, "log");
	write_path(w, "OCIConfigPath", engine, c, "config.json");
	jw_object_end(w);
	return 0;
}
