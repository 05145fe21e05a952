/* SPDX-License-Identifier: Apache-2.0 */
/* This host's own engine: what it has, asked for by the words of the table. */
#include "ucrctl/backend-local-images.h"
#include "ucrctl/backend-local-run.h"

#include "agentd/container-json.h"
#include "agentd/container-usage.h"
#include "common/cleanup.h"
#include "agentd/image-json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

static int identify(
	struct ctl *ctl, char **ret_place, char **ret_version, struct err *err)
{
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	if (r < 0)
		return r;
	*ret_place = strdup(engine_root_path(engine));
	*ret_version = NULL;
	return *ret_place ? 0 : err_oom(err);
}

/* ---- what this host has for containers ---- */

static int open_host(struct engine *engine, struct host *ret, struct err *err)
{
	ret->engine = engine;
	ret->search_path = getenv("PATH");
	ret->proc_dirfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->sys_dirfd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->etc_dirfd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	return 0;
}

static int look(
	const struct host *host, backend_finding_fn fn, void *arg, struct err *err)
{
	int r = 0;

	for (const struct host_check *c = host_checks; c->name && r == 0; c++) {
		struct finding finding = { .name = c->name };

		c->look(host, &finding);
		r = buf_finish(&finding.found) < 0 ? err_oom(err)
						   : fn(&finding, arg, err);
		finding_done(&finding);
	}
	return r;
}

static int examine(struct ctl *ctl, backend_finding_fn fn, void *arg, struct err *err)
{
	struct engine *engine;
	struct host host;
	int r = ctl_engine(ctl, &engine, err);

	if (r < 0)
		return r;
	r = open_host(engine, &host, err);
	if (r == 0)
		r = look(&host, fn, arg, err);
	(void)close(host.proc_dirfd);
	(void)close(host.sys_dirfd);
	(void)close(host.etc_dirfd);
	return r;
}

/* ---- containers ---- */

static int find(
	struct ctl *ctl, const char *reference, struct container **ret, struct err *err)
{
	struct engine *engine;

	return ctl_container(ctl, reference, &engine, ret, err);
}

static int list(struct ctl *ctl, struct container_list *ret, struct err *err)
{
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	return r < 0 ? r : container_list(engine, ret, err);
}

/* From here on the engine is open: it found the container. */

static int inspect(struct ctl *ctl, const struct container *container,
	struct json_writer *w, struct err *err)
{
	return container_write_inspect(w, ctl->engine, container, INSPECT_AS_UCR, err);
}

static int kill_container(
	struct ctl *ctl, struct container *container, int signal, struct err *err)
{
	return container_kill(ctl->engine, container, signal, err);
}

static int ask_to_stop(struct ctl *ctl, struct container *container, int64_t grace_ms,
	int64_t *ret_deadline_ms, struct err *err)
{
	return container_ask_to_stop(
		ctl->engine, container, grace_ms, ret_deadline_ms, err);
}

static int stop(struct ctl *ctl, struct container *container, int64_t deadline_ms,
	struct err *err)
{
	return container_stop(ctl->engine, container, deadline_ms, err);
}

static int wait_container(struct ctl *ctl, struct container *container, struct err *err)
{
	return container_wait(ctl->engine, container, -1, err);
}

static int remove_container(
	struct ctl *ctl, struct container *container, bool force, struct err *err)
{
	return container_remove(ctl->engine, container, force, err);
}

static int list_processes(struct ctl *ctl, struct container *container,
	struct process **ret, size_t *ret_count, struct err *err)
{
	cleanup_close int proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free pid_t *pids = NULL;
	struct process *all;
	size_t count, found = 0;
	int r;

	if (proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	r = container_pids(ctl->engine, container, &pids, &count, err);
	if (r < 0)
		return r;
	all = calloc(count + 1, sizeof(*all));
	if (!all)
		return err_oom(err);
	/* One that has ended meanwhile is no failure. */
	for (size_t i = 0; i < count; i++)
		found += process_read(proc_dirfd, pids[i], &all[found]) == 0;
	*ret = all;
	*ret_count = found;
	return 0;
}

static int read_log(struct ctl *ctl, struct container *container,
	const struct log_options *options, backend_line_fn fn, void *arg, struct err *err)
{
	struct log_reader *reader;
	struct log_line line;
	int r = log_open(container->dirfd, options, &reader, err);

	if (r < 0)
		return r;
	while ((r = log_next(reader, &line, err)) > 0) {
		r = fn(&line, arg, err);
		if (r != 0)
			break;
	}
	log_free(reader);
	return r;
}

static int measure(struct ctl *ctl, struct container *container,
	struct container_measure *ret, struct err *err)
{
	return container_measure(ctl->engine, container, ret, err);
}

static int read_events(struct ctl *ctl, const struct events_options *options,
	events_fn fn, void *arg, struct err *err)
{
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	return r < 0 ? r : events_read(engine, options, fn, arg, err);
}

/* ---- a profile ---- */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal)
{
	is_interrupted = 1;
}

static bool is_stopped(void)
{
	return is_interrupted;
}

static int profile(struct ctl *ctl, struct container *container,
	const struct flame_options *options, struct buf *out, uint64_t *ret_samples,
	struct err *err)
{
	/* A second one ends it at once. */
	const struct sigaction interrupt = { .sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND };
	struct flame_options how = *options;
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	how.is_stopped = is_stopped;
	(void)sigaction(SIGINT, &interrupt, NULL);
	return r < 0 ? r
		     : profile_container(engine, container, &how, out, ret_samples, err);
}

const struct backend backend_local = {
	.identify = identify,
	.examine = examine,
	.find = find,
	.list = list,
	.inspect = inspect,
	.kill = kill_container,
	.ask_to_stop = ask_to_stop,
	.stop = stop,
	.wait = wait_container,
	.remove = remove_container,
	.list_processes = list_processes,
	.measure = measure,
	.profile = profile,
	.read_log = read_log,
	.read_events = read_events,
	.prepare = local_prepare,
	.run = local_run,
	.exec = local_exec,
	.attach = local_attach,
	.settle = local_settle,
	.rejoin = local_rejoin,
	.list_images = local_list_images,
	.inspect_image = local_inspect_image,
	.tag = local_tag,
	.untag = local_untag,
	.load = local_load,
	.pull = obtain_image,
};
