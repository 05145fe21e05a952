/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-exec.h"
#include "agentd/bundle-private.h"

#include "agentd/sandbox.h"
#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int append_all(strv *to, char *const *from)
{
	int r = 0;

	strv_each (s, from) {
		r = strv_add(to, *s);
		if (r < 0)
			break;
	}
	return r;
}

/* One word, or a JSON array of words. */
static int append_entrypoint(const char *text, strv *args, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_strv strv words = NULL;
	int r;

	if (*text != '[')
		return *text && strv_add(args, text) < 0 ? err_oom(err) : 0;
	r = json_parse(text, strlen(text), &doc, err);
	if (r == 0)
		r = json_strv(json_root(doc), &words, NULL, err);
	if (r < 0)
		return err_wrap(err, "--entrypoint %s", text);
	return append_all(args, words) < 0 ? err_oom(err) : 0;
}

/* As docker: another entry point also drops the image's command. */
static int build_args(const struct bundle_request *request, strv *args, struct err *err)
{
	const struct image_config *image = &request->image->config;
	const struct run_options *options = request->options;
	char *const *command = options->command;
	size_t first = 0;
	int r = 0;

	if (options->holds_group)
		return strv_add(args, BUNDLE_INIT_TARGET) < 0 ||
				       strv_add(args, "--hold") < 0
			       ? err_oom(err)
			       : 0;
	if (bundle_has_init(request)) {
		if (strv_add(args, BUNDLE_INIT_TARGET) < 0 ||
			bundle_handlers(request, args) < 0 || strv_add(args, "--") < 0)
			return err_oom(err);
		first = strv_len(*args);
	}
	if (options->entrypoint)
		r = append_entrypoint(options->entrypoint, args, err);
	else if (append_all(args, image->entrypoint) < 0)
		r = err_oom(err);
	if (r < 0)
		return r;
	if (!command || !*command)
		command = options->entrypoint ? NULL : image->cmd;
	if (append_all(args, command) < 0)
		return err_oom(err);
	if (strv_len(*args) > first)
		return 0;
	(void)err_say(err, EINVAL, "nothing to run: the image names no command");
	return err_hint(err, "give one after the image");
}

static int build_env(const struct bundle_request *request, const char *hostname,
	strv *env, struct err *err)
{
	const struct run_options *options = request->options;
	int r;

	if (append_all(env, request->image->config.env) < 0)
		return err_oom(err);
	if (!strv_env_get(*env, "PATH") && strv_add(env, DEFAULT_PATH) < 0)
		return err_oom(err);
	if (!strv_env_get(*env, "HOSTNAME") &&
		strv_take(env, str_printf("HOSTNAME=%s", hostname)) < 0)
		return err_oom(err);
	if (options->has_terminal && !strv_env_get(*env, "TERM") &&
		strv_add(env, "TERM=xterm") < 0)
		return err_oom(err);
	r = sandbox_bundle_env(request, env, err);
	strv_each (name, options->env_removed)
		strv_env_unset(*env, *name);
	return r < 0 ? r : bundle_env(options->env_files, options->env, env, err);
}

static int check_absolute(const char *option, const char *path, struct err *err)
{
	if (*path == '/')
		return 0;
	return err_say(err, EINVAL, "%s %s: not an absolute path", option, path);
}

static int build_cwd(const struct bundle_request *request, char **ret, struct err *err)
{
	const char *image = request->image->config.working_dir;
	const char *asked = request->options->workdir;
	int r;

	if (asked) {
		r = check_absolute("--workdir", asked, err);
		if (r < 0)
			return r;
		*ret = strdup(asked);
	} else if (sandbox_is_wanted(request)) {
		*ret = strdup(SANDBOX_PLACE);
	} else if (str_empty(image)) {
		*ret = strdup("/");
	} else {
		*ret = str_printf("%s%s", *image == '/' ? "" : "/", image);
	}
	return *ret ? 0 : err_oom(err);
}

/* The names of setrlimit(2), as --ulimit has them. */
static const struct {
	const char *name, *type;
} limit_names[] = {
	{ "as", "RLIMIT_AS" },
	{ "core", "RLIMIT_CORE" },
	{ "cpu", "RLIMIT_CPU" },
	{ "data", "RLIMIT_DATA" },
	{ "fsize", "RLIMIT_FSIZE" },
	{ "locks", "RLIMIT_LOCKS" },
	{ "memlock", "RLIMIT_MEMLOCK" },
	{ "msgqueue", "RLIMIT_MSGQUEUE" },
	{ "nice", "RLIMIT_NICE" },
	{ "nofile", "RLIMIT_NOFILE" },
	{ "nproc", "RLIMIT_NPROC" },
	{ "rss", "RLIMIT_RSS" },
	{ "rtprio", "RLIMIT_RTPRIO" },
	{ "rttime", "RLIMIT_RTTIME" },
	{ "sigpending", "RLIMIT_SIGPENDING" },
	{ "stack", "RLIMIT_STACK" },
};

static const char *limit_type(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
		if (strlen(limit_names[i].name) == len &&
			strncmp(limit_names[i].name, name, len) == 0)
			return limit_names[i].type;
	}
	return NULL;
}

static int limit_value(const char *text, uint64_t *ret)
{
	if (str_eq(text, "unlimited") || str_eq(text, "-1")) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	return str_to_u64(text, ret);
}

static int add_ulimit(const char *text, struct spec_rlimits *limits, struct err *err)
{
	const char *equals = strchr(text, '=');
	const char *type = equals ? limit_type(text, (size_t)(equals - text)) : NULL;
	cleanup_free char *soft = NULL;
	struct spec_rlimit *limit, parsed = { 0 };
	char *colon;

	if (!type)
		return err_say(err, EINVAL,
			"--ulimit %s: want NAME=SOFT[:HARD], NAME as nofile", text);
	soft = strdup(equals + 1);
	if (!soft)
		return err_oom(err);
	colon = strchr(soft, ':');
	if (colon)
		*colon = '\0';
	if (limit_value(soft, &parsed.soft) < 0 ||
		limit_value(colon ? colon + 1 : soft, &parsed.hard) < 0)
		return err_say(err, EINVAL, "--ulimit %s: not a number", text);
	if (parsed.soft > parsed.hard)
		return err_say(err, EINVAL,
			"--ulimit %s: the soft limit is above the hard one", text);
	limit = bundle_grow(limits);
	if (!limit || str_set(&limit->type, type) < 0)
		return err_oom(err);
	limit->soft = parsed.soft;
	limit->hard = parsed.hard;
	return 0;
}

int bundle_process(const struct bundle_request *request, const char *hostname,
	struct spec_process *process, struct err *err)
{
	const struct run_options *options = request->options;
	int r;

	process->is_set = true;
	process->terminal = options->has_terminal;
	process->console_size.height = options->terminal_size.rows;
	process->console_size.width = options->terminal_size.columns;
	process->no_new_privileges = !options->may_gain_privileges;
	r = build_args(request, &process->args, err);
	if (r == 0)
		r = build_env(request, hostname, &process->env, err);
	if (r == 0)
		r = build_cwd(request, &process->cwd, err);
	if (r == 0)
		r = bundle_capabilities(request, &process->capabilities, err);
	if (r < 0)
		return r;
	strv_each (text, options->ulimits) {
		r = add_ulimit(*text, &process->rlimits, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int exec_strings(const struct spec *spec, const struct exec_options *options,
	struct spec_process *ret, struct err *err)
{
	int r;

	if (append_all(&ret->args, options->command) < 0 ||
		append_all(&ret->env, spec->process.env) < 0)
		return err_oom(err);
	if (options->has_terminal && !strv_env_get(ret->env, "TERM") &&
		strv_add(&ret->env, "TERM=xterm") < 0)
		return err_oom(err);
	strv_each (name, options->env_removed)
		strv_env_unset(ret->env, *name);
	r = bundle_env(options->env_files, options->env, &ret->env, err);
	if (r == 0 && options->workdir)
		r = check_absolute("--workdir", options->workdir, err);
	if (r < 0)
		return r;
	return str_set(&ret->cwd,
		       options->workdir ? options->workdir : spec->process.cwd) < 0
		       ? err_oom(err)
		       : 0;
}

static int copy_capabilities(
	const struct spec_capabilities *from, struct spec_capabilities *to)
{
	to->is_set = from->is_set;
	if (strv_copy(from->bounding, &to->bounding) < 0 ||
		strv_copy(from->effective, &to->effective) < 0 ||
		strv_copy(from->permitted, &to->permitted) < 0 ||
		strv_copy(from->inheritable, &to->inheritable) < 0 ||
		strv_copy(from->ambient, &to->ambient) < 0)
		return -ENOMEM;
	return 0;
}

static int copy_rlimits(const struct spec_rlimits *from, struct spec_rlimits *to)
{
	struct spec_rlimit *limit;

	for (size_t i = 0; i < from->count; i++) {
		limit = bundle_grow(to);
		if (!limit || str_set(&limit->type, from->items[i].type) < 0)
			return -ENOMEM;
		limit->soft = from->items[i].soft;
		limit->hard = from->items[i].hard;
	}
	return 0;
}

/* As confined as the first process: only words, the terminal and the user may differ. */
int bundle_exec_process(const struct spec *spec, const struct exec_options *options,
	struct spec_process *ret, struct err *err)
{
	const struct spec_process *first = &spec->process;
	int r;

	ret->is_set = true;
	ret->terminal = options->has_terminal;
	ret->console_size.height = options->terminal_size.rows;
	ret->console_size.width = options->terminal_size.columns;
	ret->no_new_privileges = first->no_new_privileges;
	ret->user.uid = first->user.uid;
	ret->user.gid = first->user.gid;
	ret->has_oom_score_adj = first->has_oom_score_adj;
	ret->oom_score_adj = first->oom_score_adj;
	r = exec_strings(spec, options, ret, err);
	if (r < 0)
		return r;
	if (copy_capabilities(&first->capabilities, &ret->capabilities) < 0 ||
		copy_rlimits(&first->rlimits, &ret->rlimits) < 0 ||
		str_set(&ret->apparmor_profile, first->apparmor_profile) < 0 ||
		str_set(&ret->selinux_label, first->selinux_label) < 0)
		return err_oom(err);
	return 0;
}
