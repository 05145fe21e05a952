/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"
#include "agentd/task-run.h"

#include "agentd/agent-network.h"
#include "agentd/agent-report.h"
#include "agentd/container-names.h"
#include "agentd/fetch-cache.h"
#include "agentd/launch-ids.h"
#include "agentd/volume.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* ---- what it has ---- */

static int find_resources(struct agent *agent, struct err *err)
{
	const struct agent_options *o = agent->options;
	cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int sys = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct resources_host host = { proc, sys,
		engine_containers_dirfd(agent->engine) };
	int r;

	r = resources_parse(o->resources, &agent->resources, err);
	if (r < 0)
		return err_wrap(err, "--resources");
	r = attributes_parse(o->attributes, &agent->attributes, err);
	if (r < 0)
		return err_wrap(err, "--attributes");
	r = resources_detect(&host, &agent->resources, err);
	if (r == 0)
		r = attributes_detect(&host, &agent->attributes, err);
	return r < 0 ? err_wrap(err, "find what the host has") : 0;
}

static int find_names(struct agent *agent, struct err *err)
{
	const struct agent_options *o = agent->options;
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct utsname host;

	if (o->socket)
		agent->socket_path = strdup(o->socket);
	else if (!engine_is_rootless(agent->engine))
		agent->socket_path = strdup("/run/ucr/agent.sock");
	else if (!str_empty(runtime))
		agent->socket_path = str_printf("%s/ucr/agent.sock", runtime);
	else
		return err_say(err, EINVAL,
			"--socket: XDG_RUNTIME_DIR is not set: say where the socket shall be");
	if (uname(&host) < 0)
		return err_set(err, errno, "ask for the host's name");
	agent->hostname = strdup(o->hostname ? o->hostname : host.nodename);
	return agent->socket_path && agent->hostname ? 0 : err_oom(err);
}

static int find_registries(struct agent *agent, struct err *err)
{
	const struct agent_options *o = agent->options;

	if (strv_add(&agent->registries,
		    o->registries ? o->registries : REGISTRIES_CONFIG) < 0 ||
		registries_add_certs(&agent->certs) < 0 ||
		(o->authfile && strv_add(&agent->auth_files, o->authfile) < 0))
		return err_oom(err);
	agent->pull = (struct pull_options){
		.registries = { .config = agent->registries,
			.certs = agent->certs,
			.is_config_required = o->registries != NULL },
		.auth_files = agent->auth_files,
		.is_hearsay = true,
	};
	registries_find_proxies(&agent->pull.registries);
	return 0;
}

static int take_ids(struct agent *agent, struct err *err)
{
	const struct run_options options = { .userns = agent->options->userns,
		.id_range = agent->options->id_range };
	bool is_own;

	/* A user's agent has no other. */
	return launch_ids_plan(&options, engine_is_rootless(agent->engine), &is_own,
		&agent->id_pool, err);
}

static int take_sizes(struct agent *agent, struct err *err)
{
	const char *size = agent->options->fetch_cache_size;

	agent->fetch_cache_bytes = FETCH_CACHE_BYTES;
	if (size && str_to_bytes(size, &agent->fetch_cache_bytes) < 0)
		return err_say(
			err, EINVAL, "--fetch-cache-size %s: want a size, as 2g", size);
	if (!agent->options->workers)
		return err_say(err, EINVAL, "--workers: want 1 or more");
	return 0;
}

/* Calls that wait hold files: as many as the hard limit has. Containers get the soft one back. */
static void raise_files(struct agent *agent)
{
	struct rlimit all;

	if (getrlimit(RLIMIT_NOFILE, &agent->files) < 0)
		return;
	all = agent->files;
	all.rlim_cur = all.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &all);
}

int agent_new(const struct agent_options *options, const char *libexec_path,
	struct agent **ret, struct err *err)
{
	const struct engine_options engine = { options->work_dir, libexec_path };
	cleanup_agent struct agent *agent = calloc(1, sizeof(*agent));
	struct agent_scope *own;
	int r;

	if (!agent)
		return err_oom(err);
	agent->options = options;
	raise_files(agent);
	agent->lock_fd = agent->nested.news_fds[0] = agent->nested.news_fds[1] = -1;
	agent->queue_end = &agent->queue;
	r = agent_scope_new(agent, NULL, &own, err);
	if (r == 0)
		r = take_sizes(agent, err);
	if (r == 0)
		r = agent_network_settings(options, err);
	if (r == 0)
		r = policy_parse(options->policy, &agent->policy, err);
	agent->policy.usual_userns = options->userns;
	if (r == 0)
		r = engine_open(&engine, &agent->engine, err);
	if (r == 0)
		r = take_ids(agent, err);
	if (r == 0)
		r = find_resources(agent, err);
	if (r == 0)
		r = find_names(agent, err);
	if (r == 0)
		r = find_registries(agent, err);
	if (r == 0)
		r = agent_report_init(agent, err);
	if (r == 0)
		*ret = take_ptr(agent);
	return r;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	agent_docker_forget(agent);
	agent_work_forget(agent);
	agent_work_job_forget(agent);
	task_table_free(agent->tasks);
	while (agent->scopes)
		agent_scope_free(agent->scopes);
	agent_role_stop(&agent->net);
	agent_report_done(agent);
	agent_role_stop(&agent->names);
	agent_names_close(agent);
	loop_free(agent->loop);
	for (int i = 0; i < 2; i++) {
		if (agent->nested.news_fds[i] >= 0)
			(void)close(agent->nested.news_fds[i]);
	}
	if (agent->lock_fd >= 0)
		(void)close(agent->lock_fd);
	resources_done(&agent->resources);
	resources_done(&agent->attributes);
	policy_done(&agent->policy);
	strv_free(agent->registries);
	strv_free(agent->certs);
	strv_free(agent->auth_files);
	free(agent->hostname);
	free(agent->socket_path);
	engine_free(agent->engine);
	free(agent);
}

static void write_ids(struct json_writer *w, const struct agent *agent)
{
	char text[32];

	jw_string(w, "userns", agent->id_pool.last ? "auto" : "host");
	if (!agent->id_pool.last)
		return;
	(void)snprintf(
		text, sizeof(text), "%u-%u", agent->id_pool.first, agent->id_pool.last);
	jw_string(w, "id_range", text);
}

void agent_describe(const struct agent *agent, struct buf *out)
{
	struct json_writer w = JSON_WRITER(out);

	w.is_pretty = true;
	jw_object(&w, NULL);
	jw_string(&w, "work_dir", engine_root_path(agent->engine));
	jw_string(&w, "socket", agent->socket_path);
	jw_string(&w, "hostname", agent->hostname);
	jw_u64(&w, "workers", agent->options->workers);
	jw_u64(&w, "task_history", agent->options->task_history);
	jw_u64(&w, "fetch_cache_size", agent->fetch_cache_bytes);
	write_ids(&w, agent);
	policy_write(&w, "policy", &agent->policy);
	resources_write(&w, "resources", &agent->resources);
	attributes_write(&w, "attributes", &agent->attributes);
	agent_report_describe(agent, &w);
	jw_object_end(&w);
	buf_putc(out, '\n');
}

void agent_complain(const char *whose, const struct err *err)
{
	char text[ERR_TEXT_MAX], hint[ERR_HINT_MAX];

	str_printable(err->text, text, sizeof(text));
	str_printable(err->hint, hint, sizeof(hint));
	(void)fprintf(stderr, "ucr-agentd: %s%s%s\n", whose ? whose : "",
		whose ? ": " : "", text);
	if (*hint)
		(void)fprintf(stderr, "hint: %s\n", hint);
}

/* ---- what it does ---- */

static int on_signal(struct loop_source *source, uint32_t signal, void *arg)
{
	struct agent *agent = arg;

	loop_stop(agent->loop);
	return 0;
}

/* Whatever ended while no agent was there is cleaned up by being listed. That one cannot be read
 * is no reason not to serve the others. */
static void recover(struct agent *agent)
{
	cleanup_container_list struct container_list list = { 0 };
	struct err err = { 0 };
	size_t live = 0;

	container_names_sweep(agent->engine);
	volume_sweep(agent->engine);
	if (container_list(agent->engine, &list, &err) < 0) {
		agent_complain("list the containers", &err);
		return;
	}
	agent_nested_recover(agent, &list);
	for (size_t i = 0; i < list.count; i++)
		live += list.items[i]->pid != 0;
	(void)fprintf(stderr, "ucr-agentd: %zu containers, %zu of them running; %s\n",
		list.count, live, agent->socket_path);
}

static int start(struct agent *agent, struct err *err)
{
	sigset_t signals;
	int r = loop_new(&agent->loop);

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = loop_add_signals(agent->loop, &signals, on_signal, agent);
	if (r < 0)
		return err_set(err, -r, "make a loop");
	r = agent_nested_start(agent, err);
	if (r == 0)
		r = agent_api_listen(agent, err);
	if (r < 0)
		return r;
	agent_net_start(agent);
	agent_names_start(agent);
	recover(agent);
	r = task_table_new(agent, err);
	if (r == 0)
		r = task_table_recover(agent, err);
	if (r == 0)
		r = agent_api_start(agent->scopes, err);
	return r == 0 ? agent_report_start(agent, err) : r;
}

int agent_run(struct agent *agent, struct err *err)
{
	int r = start(agent, err);

	if (r < 0)
		return r;
	agent_notify("READY=1\nSTATUS=Serving containers");
	r = loop_run(agent->loop);
	agent_notify("STOPPING=1");
	return r < 0 ? err_set(err, -r, "serve") : 0;
}
