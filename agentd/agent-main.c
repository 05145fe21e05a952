/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/settings.h"
#include "runtime/runtime.h"

#define EXIT_OWN_ERROR 125
#define LIBEXEC_VARIABLE "UCR_LIBEXECDIR"
#define CONFIG_PATH SYSCONFDIR "/ucr/agentd.json"

#define AT(member) offsetof(struct agent_options, member)

static const struct option_spec options[] = {
	{ "config", .arg = "FILE", .set = option_string, .offset = AT(config),
		.complete = COMPLETE_FILE,
		.help = "Read settings from FILE (default: " CONFIG_PATH
			", if it is there)" },
	{ "config-check", .set = option_bool, .offset = AT(is_check),
		.help = "Check the settings, print what they come to with what was found on this "
			"host, and exit" },
	{ "work-dir", .arg = "DIR", .set = option_string, .offset = AT(work_dir),
		.complete = COMPLETE_DIRECTORY,
		.help = "Where containers and images are, as `ucrctl --root` (default: "
			"/var/lib/ucr)" },
	{ "socket", .arg = "PATH", .set = option_string, .offset = AT(socket),
		.complete = COMPLETE_FILE,
		.help = "The socket of the API (default: /run/ucr/agent.sock). Its directory must "
			"be the agent's alone" },
	{ "hostname", .arg = "NAME", .set = option_string, .offset = AT(hostname),
		.help = "What this host is called (default: its own name)" },
	{ "resources", .arg = "LIST", .set = option_string, .offset = AT(resources),
		.help = "What there is to give, as cpus:8;mem:16384;ports:[31000-32000], in "
			"megabytes; what is not listed is found" },
	{ "attributes", .arg = "LIST", .set = option_string, .offset = AT(attributes),
		.help = "What is to be known of this host, as rack:r7;level:3" },
	{ "registries", .arg = "FILE", .set = option_string, .offset = AT(registries),
		.complete = COMPLETE_FILE,
		.help = "How registries are reached (default: " SYSCONFDIR
			"/ucr/registries.json)" },
	{ "authfile", .arg = "FILE", .set = option_string, .offset = AT(authfile),
		.complete = COMPLETE_FILE,
		.help = "Logins for registries, as docker's config.json" },
	{ "fetch-cache-size", .arg = "SIZE", .set = option_string,
		.offset = AT(fetch_cache_size),
		.help = "How much of cached downloads is kept (default: 2g)" },
	{ "network-rate-in", .arg = "BYTES", .set = option_string,
		.offset = AT(network_rate_in),
		.help = "What may come to each task on a bridge in a second, as 10m (default: "
			"no limit)" },
	{ "network-rate-out", .arg = "BYTES", .set = option_string,
		.offset = AT(network_rate_out), .help = "The same of what it sends" },
	{ "no-names", .set = option_bool, .offset = AT(has_no_names),
		.help = "Do not serve the names of containers on the bridge" },
	{ "allow-host-network", .set = option_bool, .offset = AT(is_host_network_allowed),
		.help = "Let tasks have the host's network" },
	{ "allow-any-port", .set = option_bool, .offset = AT(is_any_port_allowed),
		.help = "Let tasks publish at any port of the host, not only at those that are "
			"among the resources" },
	{ "reporter", .arg = "URL", .set = option_strv, .offset = AT(reporters),
		.help = "Push metrics to a server of Graphite, as "
			"graphite=tcp://host:2003/prefix=dc1.agents.a7&interval=10; repeatable (default "
			"of prefix: ucr.HOSTNAME)" },
	{ "policy", .arg = "JSON", .set = option_json, .offset = AT(policy),
		.help = "What tasks may ask for beyond the usual, an object; in a configuration file "
			"as it is" },
	{ "userns", .arg = "HOW", .set = option_string, .offset = AT(userns),
		.help = "auto: each task has a user namespace with 65536 ids of its own (default); "
			"host: none has" },
	{ "id-range", .arg = "FIRST-LAST", .set = option_string, .offset = AT(id_range),
		.help = "From which ids those are taken (default: those of user ucr in /etc/subuid "
			"and /etc/subgid, else 1879048192-2147483647)" },
	{ "workers", .arg = "N", .set = option_u32, .offset = AT(workers),
		.help = "Calls that are worked on at once (default: 16)" },
	{ "task-history", .arg = "N", .set = option_u32, .offset = AT(task_history),
		.help = "How many tasks are kept, with their containers, that are over and "
			"acknowledged (default: 1000)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct agent_options defaults = {
	.workers = 16, .task_history = 1000, .userns = "auto"
};

static const struct verb_spec verb = {
	.name = "ucr-agentd",
	.summary = "Serve containers over a socket",
	.text = "Every option is a setting, which may also stand in the environment "
		"(UCR_AGENTD_WORK_DIR for --work-dir) and in the configuration file, a JSON object "
		"(\"work_dir\"). The command line goes before the environment, and that before "
		"the file.",
	.groups = groups,
	.options_size = sizeof(struct agent_options),
	.defaults = &defaults,
};

static const char *const not_in_file[] = { "config", "config-check", NULL };

static const struct settings_spec settings_spec = { .verb = &verb,
	.env_prefix = "UCR_AGENTD_",
	.config_path = CONFIG_PATH,
	.not_in_file = not_in_file };

static int print(struct buf *out, struct err *err)
{
	int r = buf_finish(out);

	if (r == 0)
		r = fd_write_all(STDOUT_FILENO, out->data, out->len);
	return r < 0 ? err_set(err, -r, "write standard output") : 0;
}

static int serve(const struct agent_options *o, char **argv, struct err *err)
{
	cleanup_agent struct agent *agent = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_free char *libexec = NULL;
	int r;

	r = engine_find_libexec(&libexec, err);
	if (r < 0)
		return r;
	/* The protected copy is told where the other programs are. */
	if (setenv(LIBEXEC_VARIABLE, libexec, 0) < 0)
		return err_oom(err);
	r = o->is_check ? 0 : runtime_protect_self(argv, err);
	if (r == 0)
		r = agent_new(o, getenv(LIBEXEC_VARIABLE), &agent, err);
	if (r < 0)
		return r;
	if (!o->is_check)
		return agent_run(agent, err);
	agent_describe(agent, &out);
	return print(&out, err);
}

static int run(int argc, char **argv, struct err *err)
{
	cleanup_settings struct settings settings = { 0 };
	cleanup_buf struct buf out = BUF_INIT;
	struct agent_options o;
	int r;

	/* For the build, whatever the settings of its host are. */
	if (argc == 2 && str_eq(argv[1], "--man")) {
		options_man(groups, &out);
		return print(&out, err);
	}
	r = settings_load(&settings_spec, argc, argv, environ, &o, &settings, err);
	if (r == OPTIONS_HELP) {
		verb_help(NULL, &verb, &out);
		r = print(&out, err);
	} else if (r == 0) {
		r = serve(&o, argv, err);
	}
	options_free(&verb, &o);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	fd_open_stdio();
	if (run(argc, argv, &err) >= 0)
		return EXIT_SUCCESS;
	agent_complain(NULL, &err);
	return EXIT_OWN_ERROR;
}
