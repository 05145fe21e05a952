/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "agentd/docker-calls.h"

#include <errno.h>
#include <sys/utsname.h>

#define TEXT "text/plain; charset=utf-8"

/* Go's words for what uname(2) says. */
static const struct {
	const char *machine, *architecture;
} architectures[] = {
	{ "x86_64", "amd64" },
	{ "aarch64", "arm64" },
	{ "riscv64", "riscv64" },
	{ "ppc64le", "ppc64le" },
	{ "s390x", "s390x" },
};

static const char *architecture_of(const char *machine)
{
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
		if (str_eq(architectures[i].machine, machine))
			return architectures[i].architecture;
	}
	return machine;
}

int agent_docker_ping(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	answer->type = TEXT;
	buf_puts(&answer->body, "OK");
	return 0;
}

static void write_component(struct json_writer *w)
{
	jw_array(w, "Components");
	jw_object(w, NULL);
	jw_string(w, "Name", "ucr-agentd");
	jw_string(w, "Version", PACKAGE_VERSION);
	jw_object(w, "Details");
	jw_string(w, "ApiVersion", DOCKER_API_VERSION);
	jw_string(w, "MinAPIVersion", DOCKER_API_VERSION_MIN);
	jw_object_end(w);
	jw_object_end(w);
	jw_array_end(w);
}

int agent_docker_version(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);
	struct utsname host;

	if (uname(&host) < 0)
		return err_set(err, errno, "ask for the host's name");
	jw_object(&w, NULL);
	jw_object(&w, "Platform");
	jw_string(&w, "Name", "ucr");
	jw_object_end(&w);
	write_component(&w);
	jw_string(&w, "Version", PACKAGE_VERSION);
	jw_string(&w, "ApiVersion", DOCKER_API_VERSION);
	jw_string(&w, "MinAPIVersion", DOCKER_API_VERSION_MIN);
	jw_string(&w, "Os", "linux");
	jw_string(&w, "Arch", architecture_of(host.machine));
	jw_string(&w, "KernelVersion", host.release);
	jw_object_end(&w);
	return 0;
}

/* ---- info ---- */

static uint64_t whole(const struct agent *agent, const char *name)
{
	const struct resource *resource = resources_find(&agent->resources, name);

	return resource && resource->kind == RESOURCE_SCALAR
		       ? (uint64_t)resource->milli / 1000
		       : 0;
}

static int write_containers(struct agent *agent, const struct agent_call *call,
	struct json_writer *w, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	size_t running = 0, paused = 0, all = 0;
	int r = agent_list(agent, call, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (!agent_sees(agent, call, list.items[i]))
			continue;
		all++;
		running += list.items[i]->status == CONTAINER_RUNNING;
		paused += list.items[i]->status == CONTAINER_PAUSED;
	}
	jw_u64(w, "Containers", all);
	jw_u64(w, "ContainersRunning", running);
	jw_u64(w, "ContainersPaused", paused);
	jw_u64(w, "ContainersStopped", all - running - paused);
	return 0;
}

static int write_images(struct agent *agent, struct json_writer *w, struct err *err)
{
	cleanup_image_list struct image_list images = { 0 };
	struct store *store;
	int r = engine_store(agent->engine, &store, err);

	if (r == 0)
		r = store_list(store, &images, err);
	if (r < 0)
		return r;
	jw_u64(w, "Images", images.count);
	return 0;
}

static void write_abilities(struct json_writer *w)
{
	static const char *const abilities[] = { "MemoryLimit", "SwapLimit",
		"CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit",
		"IPv4Forwarding", NULL };

	for (size_t i = 0; abilities[i]; i++)
		jw_bool(w, abilities[i], true);
	jw_array(w, "SecurityOptions");
	jw_string(w, NULL, "name=seccomp,profile=default");
	jw_array_end(w);
	jw_object(w, "Swarm");
	jw_string(w, "LocalNodeState", "inactive");
	jw_object_end(w);
	jw_object(w, "Plugins");
	jw_array(w, "Log");
	jw_string(w, NULL, "json-file");
	jw_array_end(w);
	jw_object_end(w);
	jw_object(w, "Runtimes");
	jw_object_end(w);
	jw_string(w, "DefaultRuntime", "ucr");
}

static void write_host(
	const struct agent *agent, const struct utsname *host, struct json_writer *w)
{
	jw_string(w, "ID", agent->hostname);
	jw_string(w, "Name", agent->hostname);
	jw_string(w, "ServerVersion", PACKAGE_VERSION);
	jw_string(w, "OperatingSystem", "ucr");
	jw_string(w, "OSType", "linux");
	jw_string(w, "Architecture", host->machine);
	jw_string(w, "KernelVersion", host->release);
	jw_string(w, "Driver", "overlay");
	jw_string(w, "LoggingDriver", "json-file");
	jw_u64(w, "NCPU", whole(agent, "cpus"));
	jw_u64(w, "MemTotal", whole(agent, "mem") << 20);
	jw_string(w, "IndexServerAddress", "https://index.docker.io/v1/");
}

int agent_docker_info(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);
	struct utsname host;
	int r;

	if (uname(&host) < 0)
		return err_set(err, errno, "ask for the host's name");
	jw_object(&w, NULL);
	write_host(agent, &host, &w);
	write_abilities(&w);
	r = write_containers(agent, call, &w, err);
	if (r == 0)
		r = write_images(agent, &w, err);
	jw_object_end(&w);
	return r;
}
