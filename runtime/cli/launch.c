/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>

const struct option_spec cli_launch_options[] = {
	{ "bundle", 'b', "DIRECTORY", option_string, offsetof(struct cli_launch, bundle),
		"Where config.json is (default: here)", .complete = COMPLETE_DIRECTORY },
	{ "pid-file", 0, "FILE", option_string, offsetof(struct cli_launch, pid_file),
		"Write the process id of the container's first process here",
		.complete = COMPLETE_FILE },
	{ "console-socket", 0, "SOCKET", option_string,
		offsetof(struct cli_launch, console_socket),
		"Send the terminal's master to this socket", .complete = COMPLETE_FILE },
	{ "no-pivot", 0, NULL, option_bool, offsetof(struct cli_launch, no_pivot),
		"Use chroot(2), where pivot_root(2) cannot work" },
	{ "no-new-keyring", 0, NULL, option_bool,
		offsetof(struct cli_launch, no_new_keyring),
		"Keep the caller's session keyring" },
	{ "preserve-fds", 0, "N", option_u32, offsetof(struct cli_launch, preserve_fds),
		"Pass on N descriptors from 3 on" },
	{ 0 },
};

/* One bundle on its way to become a container. */
struct bundle {
	int dirfd;
	char *path;
	char *text;
	size_t len;
	struct spec *spec;
};

static void bundle_done(struct bundle *bundle)
{
	if (bundle->dirfd >= 0)
		(void)close(bundle->dirfd);
	free(bundle->path);
	free(bundle->text);
	spec_free(bundle->spec);
}

/* "slice:prefix:name" names a scope that systemd would make; without systemd it is the cgroup
 * of that name. */
static int plain_cgroups_path(struct spec *spec, struct err *err)
{
	char *path = spec->linux_.cgroups_path;
	char *prefix = path ? strchr(path, ':') : NULL;
	char *name = prefix ? strchr(prefix + 1, ':') : NULL;
	char *plain;

	if (!name)
		return err_say(err, EINVAL,
			"with --systemd-cgroup linux.cgroupsPath must be slice:prefix:name, not \"%s\"",
			path ? path : "");
	*prefix = *name = '\0';
	plain = str_printf(
		"/%s/%s-%s.scope", *path ? path : "system.slice", prefix + 1, name + 1);
	if (!plain)
		return err_oom(err);
	free(spec->linux_.cgroups_path);
	spec->linux_.cgroups_path = plain;
	return 0;
}

static int check_terminal(const struct spec *spec, const struct cli_launch *launch,
	bool detaches, struct err *err)
{
	if (spec->process.terminal && detaches && !launch->console_socket)
		return err_say(err, EINVAL,
			"process.terminal without a foreground needs --console-socket");
	if (launch->console_socket && !spec->process.terminal)
		return err_say(err, EINVAL, "--console-socket needs process.terminal");
	return 0;
}

/* The bundle's absolute path, as text for state.json. */
static int name_bundle(const char *path, char **ret)
{
	cleanup_free char *cwd = NULL, *joined = NULL;

	if (*path != '/') {
		cwd = get_current_dir_name();
		joined = cwd ? str_printf("%s/%s", cwd, path) : NULL;
		if (!joined)
			return -ENOMEM;
	}
	*ret = path_clean(joined ? joined : path);
	return *ret ? 0 : -ENOMEM;
}

static int open_bundle(const struct cli *cli, const struct cli_launch *launch,
	struct bundle *ret, struct err *err)
{
	const char *path = launch->bundle ? launch->bundle : ".";
	int r;

	ret->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dirfd < 0)
		return err_set(err, errno, "open the bundle %s", path);
	if (name_bundle(path, &ret->path) < 0)
		return err_oom(err);
	r = cli_read_spec(
		ret->dirfd, "config.json", &ret->spec, &ret->text, &ret->len, err);
	if (r < 0)
		return r;
	if (cli->is_systemd_cgroup || cli->cgroup_manager == CLI_SYSTEMD)
		return plain_cgroups_path(ret->spec, err);
	return 0;
}

static int create(struct cli *cli, const struct cli_launch *launch, struct bundle *bundle,
	const char *id, bool start_later, struct cli_created *ret, struct err *err)
{
	struct runtime_request request = {
		.id = id,
		.spec = bundle->spec,
		.bundle_dirfd = bundle->dirfd,
		.bundle_path = bundle->path,
		.state_dirfd = ret->dirfd,
		.stdio_fds = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.create_cwd = true,
		.is_rootless = cli_is_rootless(cli),
		.no_pivot = launch->no_pivot,
		.keep_keyring = launch->no_new_keyring,
		.start_later = start_later,
		.notes = &cli->notes,
	};
	int r;

	r = cli_preserve_fds(launch->preserve_fds, &bundle->spec->process.env,
		&request.preserve_fds, err);
	if (r < 0)
		return r;
	/* Whatever else the caller left open is not for the container (D5). */
	r = fd_cloexec_from(3 + request.preserve_fds);
	if (r < 0)
		return err_set(err, -r, "mark descriptors close-on-exec");
	/* Kept, since what happens to the bundle after create must not matter. */
	r = fd_replace_file(
		ret->dirfd, STATE_CONFIG, bundle->text, bundle->len, 0600, FD_NO_SYNC);
	if (r < 0)
		return err_set(err, -r, "keep a copy of config.json");
	return runtime_create(&request, &ret->container, err);
}

/* What callers wait for once the container exists. */
static int announce(const struct cli_launch *launch, struct runtime_container *container,
	struct err *err)
{
	int r = 0;

	if (launch->console_socket) {
		r = cli_send_console(launch->console_socket, container->console_fd, err);
		(void)close(take_fd(&container->console_fd));
	}
	if (r == 0 && launch->pid_file)
		r = cli_write_pid_file(launch->pid_file, container->pid, err);
	return r;
}

void cli_created_done(struct cli_created *created)
{
	runtime_container_done(&created->container);
	if (created->dirfd >= 0)
		(void)close(take_fd(&created->dirfd));
}

void cli_discard(struct cli *cli, const char *id, int dirfd)
{
	struct err err = { 0 };

	if (runtime_delete(dirfd, true, &cli->notes, &err) < 0)
		notes_add(&cli->notes, "container %s could not be removed: %s", id,
			err.text);
	else
		cli_remove_container(cli, id);
}

static int create_in_directory(struct cli *cli, const struct cli_launch *launch,
	struct bundle *bundle, const char *id, bool start_later, struct cli_created *ret,
	struct err *err)
{
	int r;

	ret->dirfd = cli_make_container(cli, id, err);
	if (ret->dirfd < 0)
		return ret->dirfd;
	r = create(cli, launch, bundle, id, start_later, ret, err);
	if (r != 0) {
		cli_remove_container(cli, id);
		return r;
	}
	r = announce(launch, &ret->container, err);
	if (r < 0)
		cli_discard(cli, id, ret->dirfd);
	return r;
}

int cli_create_container(struct cli *cli, const struct cli_launch *launch, const char *id,
	bool start_later, struct cli_created *ret, struct err *err)
{
	struct cli_created created = { .dirfd = -1,
		.container = { .pidfd = -1, .console_fd = -1, .start_fd = -1 } };
	struct bundle bundle = { .dirfd = -1 };
	int r;

	r = open_bundle(cli, launch, &bundle, err);
	if (r == 0)
		r = check_terminal(bundle.spec, launch, start_later, err);
	if (r == 0)
		r = create_in_directory(
			cli, launch, &bundle, id, start_later, &created, err);
	bundle_done(&bundle);
	if (r == 0)
		*ret = created;
	else
		cli_created_done(&created);
	return r;
}
