/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/str.h"
#include "runtime/process.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

struct exec_options {
	const char *process, *user, *cwd, *apparmor, *process_label, *cgroup;
	const char *pid_file, *console_socket;
	strv env, caps;
	uint32_t preserve_fds;
	bool tty, detach, no_new_privs;
};

#define AT(member) offsetof(struct exec_options, member)

static const struct option_spec own_options[] = {
	{ "process", 'p', "FILE", option_string, AT(process),
		"The process as JSON; \"-\" reads stdin", .complete = COMPLETE_FILE },
	{ "tty", 't', NULL, option_bool, AT(tty), "Give it a terminal" },
	{ "user", 'u', "USER", option_string, AT(user),
		"UID[:GID] or a name of the container" },
	{ "cwd", 0, "DIRECTORY", option_string, AT(cwd), "Its working directory" },
	{ "env", 'e', "NAME=VALUE", option_strv, AT(env), "Add to its environment" },
	{ "cap", 'c', "CAPABILITY", option_strv, AT(caps), "Add a capability" },
	{ "no-new-privs", 0, NULL, option_bool, AT(no_new_privs),
		"No program may gain privileges" },
	{ "apparmor", 0, "PROFILE", option_string, AT(apparmor), "Its AppArmor profile" },
	{ "process-label", 0, "LABEL", option_string, AT(process_label),
		"Its SELinux label" },
	{ "cgroup", 0, "PATH", option_string, AT(cgroup),
		"Start it in this cgroup below the container's" },
	{ "detach", 'd', NULL, option_bool, AT(detach),
		"Leave it running in the background" },
	{ "pid-file", 0, "FILE", option_string, AT(pid_file), "Write its process id here",
		.complete = COMPLETE_FILE },
	{ "console-socket", 0, "SOCKET", option_string, AT(console_socket),
		"Send the terminal's master to this socket", .complete = COMPLETE_FILE },
	{ "preserve-fds", 0, "N", option_u32, AT(preserve_fds),
		"Pass on N descriptors from 3 on" },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

static int read_process(const char *path, struct spec_process *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	if (str_eq(path, "-"))
		r = fd_read_all(STDIN_FILENO, SPEC_SIZE_MAX, &text, &len);
	else
		r = fd_read_file(AT_FDCWD, path, SPEC_SIZE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the process file %s", path);
	r = spec_parse_process(text, len, ret, err);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

static int add_all(strv *to, char *const *from)
{
	int r = 0;

	strv_each (s, from) {
		r = r < 0 ? r : strv_add(to, *s);
	}
	return r;
}

/* The container's own process, with a program of its own. */
static int set_program(struct spec_process *process, char *const *args, bool tty)
{
	strv copy = NULL;
	int r = strv_copy(args, &copy);

	if (r < 0)
		return r;
	strv_free(process->args);
	process->args = copy;
	process->terminal = tty;
	return 0;
}

static int override(
	const struct exec_options *o, struct spec_process *process, struct err *err)
{
	int r = 0;

	strv_each (assignment, o->env) {
		if (!strchr(*assignment, '='))
			return err_say(err, EINVAL, "--env %s has no \"=\"", *assignment);
		r = r < 0 ? r : strv_env_set(&process->env, *assignment);
	}
	if (o->cwd)
		r = r < 0 ? r : str_set(&process->cwd, o->cwd);
	if (o->apparmor)
		r = r < 0 ? r : str_set(&process->apparmor_profile, o->apparmor);
	if (o->process_label)
		r = r < 0 ? r : str_set(&process->selinux_label, o->process_label);
	if (o->caps) {
		process->capabilities.is_set = true;
		r = r < 0 ? r : add_all(&process->capabilities.bounding, o->caps);
		r = r < 0 ? r : add_all(&process->capabilities.permitted, o->caps);
		r = r < 0 ? r : add_all(&process->capabilities.effective, o->caps);
	}
	process->no_new_privileges |= o->no_new_privs;
	return r < 0 ? err_oom(err) : 0;
}

static int check(const struct exec_options *o, const struct spec_process *process,
	char *const *args, struct err *err)
{
	if (o->process && *args)
		return err_say(err, EINVAL, "both --process and a command were given");
	if (process->terminal && o->detach && !o->console_socket)
		return err_say(err, EINVAL,
			"a terminal without a foreground needs --console-socket");
	if (o->console_socket && !process->terminal)
		return err_say(err, EINVAL, "--console-socket needs a terminal");
	return 0;
}

static int build_process(const struct exec_options *o, char *const *args,
	struct spec_process *process, struct err *err)
{
	int r;

	if (!o->process && !*args)
		return err_say(err, EINVAL, "no command was given");
	r = o->process ? 0 : set_program(process, args, o->tty);
	if (r < 0)
		return err_oom(err);
	r = override(o, process, err);
	return r < 0 ? r : check(o, process, args, err);
}

/* What callers wait for once it runs, and, in the foreground, its end. */
static int attend(
	const struct exec_options *o, struct runtime_container *process, struct err *err)
{
	int r = 0;

	if (o->console_socket) {
		r = cli_send_console(o->console_socket, process->console_fd, err);
		(void)close(take_fd(&process->console_fd));
	}
	if (r == 0 && o->pid_file)
		r = cli_write_pid_file(o->pid_file, process->pid, err);
	/* Nobody would know of it. */
	if (r < 0)
		(void)process_signal(process->pidfd, SIGKILL);
	if (r < 0 || o->detach)
		return r;
	return cli_wait_foreground(process->pidfd, process->console_fd, err);
}

static int exec_in(struct cli *cli, const struct exec_options *o,
	const struct runtime_state *state, struct spec *spec,
	struct spec_process *process, struct err *err)
{
	struct runtime_exec exec = { .state = state,
		.spec = spec,
		.process = process,
		.user = o->user,
		.cgroup = o->cgroup,
		.stdio_fds = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.notes = &cli->notes };
	struct runtime_container container;
	int r;

	r = cli_preserve_fds(o->preserve_fds, &process->env, &exec.preserve_fds, err);
	if (r < 0)
		return r;
	r = fd_cloexec_from(3 + exec.preserve_fds);
	if (r < 0)
		return err_set(err, -r, "mark descriptors close-on-exec");
	if (!o->detach)
		cli_block_signals();
	r = runtime_exec(&exec, &container, err);
	if (r != 0)
		return r;
	r = attend(o, &container, err);
	runtime_container_done(&container);
	return r;
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct exec_options *o = options;
	cleanup_close int dirfd = cli_open_container(context, args[0], err);
	cleanup_spec struct spec *spec = NULL;
	cleanup_free char *text = NULL;
	struct spec_process given = { 0 }, *process;
	struct runtime_state state = { 0 };
	size_t len;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = runtime_state_load(dirfd, &state, err);
	if (r == 0)
		r = cli_read_spec(dirfd, STATE_CONFIG, &spec, &text, &len, err);
	if (r == 0 && o->process)
		r = read_process(o->process, &given, err);
	if (r == 0) {
		process = o->process ? &given : &spec->process;
		r = build_process(o, args + 1, process, err);
	}
	if (r == 0)
		r = exec_in(context, o, &state, spec, process, err);
	spec_process_done(&given);
	runtime_state_done(&state);
	return r;
}

const struct verb_spec cli_exec = {
	.name = "exec",
	.section = SECTION_CONTAINERS,
	.summary = "Execute a further program in a running container",
	.args = "CONTAINER [COMMAND [ARG...]]",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.stops_early = true,
	.flags = CLI_PROTECT,
	.groups = groups,
	.options_size = sizeof(struct exec_options),
	.run = run,
};
