/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-secrets.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "runtime/runtime.h"
#include "ucrctl/backend-local-run.h"
#include "ucrctl/foreground.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>

/* Made before anything runs, so that an id is never lost to a file that cannot be written. */
static int make_cidfile(const char *path, int *ret_fd, struct err *err)
{
	if (!path)
		return 0;
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*ret_fd >= 0)
		return 0;
	(void)err_set(err, errno, "--cidfile %s", path);
	return err_hint(
		err, "it tells which container a command made, and is never overwritten");
}

static int write_cidfile(const char *path, int fd, const char *id, struct err *err)
{
	int r = fd < 0 ? 0 : fd_write_all(fd, id, strlen(id));

	return r < 0 ? err_set(err, -r, "--cidfile %s", path) : 0;
}

static int launch_failed(int outcome, const char *cidfile, struct err *err)
{
	if (cidfile)
		(void)unlink(cidfile);
	if (outcome > 0)
		print_err("run", err);
	return outcome;
}

static int launch(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *o, struct running *running, struct err *err)
{
	cleanup_close int cidfile_fd = -1;
	int r;

	r = make_cidfile(o->cidfile, &cidfile_fd, err);
	if (r < 0)
		return r;
	r = ctl->backend->run(ctl, image_name, task, o, running, err);
	if (r != 0)
		return launch_failed(r, o->cidfile, err);
	r = write_cidfile(o->cidfile, cidfile_fd, running->container->id, err);
	if (r < 0)
		return r;
	if (o->run.is_detached) {
		buf_printf(&ctl->out, "%s\n", running->container->id);
		return 0;
	}
	return foreground_run(ctl, running, &o->run, err);
}

static int run_task(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *o, struct err *err)
{
	cleanup_running struct running running = RUNNING_INIT;
	const struct backend *backend;
	int r = ctl_backend(ctl, &backend, err);

	if (r == 0)
		r = backend->prepare(ctl, task, o, &running, err);
	if (r != 0)
		return r;
	if (o->is_dry_run)
		return local_preview(ctl, image_name, o, &running, err);
	r = launch(ctl, image_name, task, o, &running, err);
	if (r == RUNTIME_NO_PROGRAM && task->is_jar)
		print_note(
			"a jar needs java: install it on the host, or name an image that has it with --on");
	return r;
}

static void secrets_done(strv *secrets)
{
	strv_each (text, *secrets)
		explicit_bzero(*text, strlen(*text));
	strv_free(*secrets);
}

static int read_secrets(struct run_verb *o, strv *secrets, struct err *err)
{
	char *text;
	int r = 0;

	strv_each (option, o->secret_files) {
		r = bundle_secret_read(*option, &text, err);
		if (r == 0 && strv_take(secrets, text) < 0)
			r = err_oom(err);
		if (r < 0)
			break;
	}
	o->run.secrets = *secrets;
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_run_task struct run_task task = { 0 };
	cleanup_with(secrets_done) strv secrets = NULL;
	struct run_verb o = *(const struct run_verb *)opts;
	int r;

	r = run_options_finish(&o, args + 1, err);
	if (r == 0)
		r = read_secrets(&o, &secrets, err);
	if (r == 0)
		r = run_task_make(args[0], &o, &task, err);
	return r < 0 ? r : run_task(context, args[0], &task, &o, err);
}

const struct verb_spec verb_run = {
	.name = "run",
	.section = SECTION_CONTAINERS,
	.summary = "Run a command in a new container",
	.text = "IMAGE is an archive (docker save, OCI layout, App Container Image, or a plain tar of a "
		"root file system, compressed or not) or its http or https URL, a directory with an OCI "
		"layout, or the name, id or digest of an image: of the store, else of a registry, "
		"from which it is pulled. FILE:TAG chooses one of several images in an "
		"archive; docker-archive:, oci:, oci-archive:, aci: and tar: before it force a format; docker://NAME is a name "
		"though there is a file called so.\n"
		"\n"
		"host: is no image but the programs, libraries and configuration of the host, read-only, "
		"with an empty /tmp; root's containers run as nobody there unless -u says otherwise. zip:FILE extracts an archive into the sandbox and runs COMMAND there; "
		"jar:FILE runs java -jar with the ARGs; both on the host's files, or on --on IMAGE. A FILE "
		"that is plainly a zip archive needs no prefix. The sandbox, with what --uri fetched, is "
		"/mnt/mesos/sandbox, where the command starts; MESOS_SANDBOX says so.\n"
		"\n"
		"The exit status is the command's, or 128 and the number of the signal that ended "
		"it; 125 when the container could not be run, 126 when the command cannot be "
		"executed, 127 when there is no such command. Signals are handed on to the "
		"command; the second interrupt (ctrl-c) kills it. With -t, ctrl-p ctrl-q leaves "
		"the container running.",
	.args = "IMAGE [COMMAND [ARG...]]",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_SOURCE,
	.stops_early = true,
	.flags = VERB_PROTECT,
	.groups = run_groups,
	.options_size = sizeof(struct run_verb),
	.defaults = &run_defaults,
	.run = run,
};
