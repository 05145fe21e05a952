/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-usage.h"
#include "agentd/profile.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "ucrctl/ctl.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define FREQUENCY_MAX 10000
#define DURATION_MS_MAX (3600 * 1000)

enum flame_format { FLAME_SVG, FLAME_FOLDED };
static const char *const format_names[] = { "svg", "folded", NULL };

struct flame_options {
	const char *output;
	uint64_t duration_ms;
	uint32_t frequency;
	unsigned int format;
	bool is_per_thread;
};

static const struct flame_options defaults = { .duration_ms = 10000, .frequency = 99 };

static const struct option_spec options[] = {
	{ "output", 'o', .arg = "FILE", .set = option_string,
		.offset = offsetof(struct flame_options, output),
		.complete = COMPLETE_FILE,
		.help = "Write to FILE (default: standard output)" },
	{ "duration", .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct flame_options, duration_ms),
		.help = "How long to sample (default: 10s); what was found until Ctrl-C is "
			"written, too" },
	{ "frequency", .arg = "NUMBER", .set = option_u32,
		.offset = offsetof(struct flame_options, frequency),
		.help = "Samples a second and processor (default: 99)" },
	{ "format", .arg = "FORMAT", .set = option_choice, .param = format_names,
		.offset = offsetof(struct flame_options, format),
		.help = "svg (default), or folded: a line for each stack, as other programs read" },
	{ "per-thread", .set = option_bool,
		.offset = offsetof(struct flame_options, is_per_thread),
		.help = "Sample the threads there are now and their children, not the cgroup: "
			"what is done where the kernel cannot sample one" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal)
{
	is_interrupted = 1;
}

static bool is_stopped(void)
{
	return is_interrupted;
}

static int check(const struct flame_options *o, struct err *err)
{
	if (o->frequency < 1 || o->frequency > FREQUENCY_MAX)
		return err_say(err, EINVAL, "--frequency %u: want 1 to %d", o->frequency,
			FREQUENCY_MAX);
	if (o->duration_ms < 1 || o->duration_ms > DURATION_MS_MAX)
		return err_say(err, EINVAL, "--duration: want up to an hour");
	return 0;
}

static int sample(struct engine *engine, struct container *container,
	const struct flame_options *o, struct profile *ret, struct err *err)
{
	cleanup_close int cgroup_fd = -1;
	cleanup_free pid_t *pids = NULL;
	struct profile_options how = { .cgroup_fd = -1,
		.frequency = o->frequency,
		.duration_ms = o->duration_ms,
		.is_stopped = is_stopped };
	int r = container_pids(engine, container, &pids, &how.pid_count, err);

	if (r < 0)
		return r;
	how.pids = pids;
	if (!o->is_per_thread)
		cgroup_fd = container_cgroup_dir(engine, container);
	if (cgroup_fd >= 0) {
		how.cgroup_fd = cgroup_fd;
		r = profile_run(&how, ret, err);
		if (r == 0)
			return 0;
		how.cgroup_fd = -1;
	}
	return profile_run(&how, ret, err);
}

static void put(const struct profile *profile, const struct container *container,
	const struct flame_options *o, struct buf *out)
{
	char title[160];

	(void)snprintf(title, sizeof(title), "%.64s: %u samples a second and processor",
		container->name ? container->name : container->id, o->frequency);
	if (o->format == FLAME_FOLDED)
		profile_fold(profile, out);
	else
		profile_draw(profile, title, out);
}

static int write_file(const char *path, struct buf *out, struct err *err)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	int r = fd < 0 ? -errno : buf_finish(out);

	if (r == 0)
		r = fd_write_all(fd, out->data, out->len);
	return r < 0 ? err_set(err, -r, "write %s", path) : 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	/* A second one ends it at once. */
	const struct sigaction interrupt = { .sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND };
	const struct flame_options *o = opts;
	cleanup_container struct container *container = NULL;
	cleanup_profile struct profile profile = { 0 };
	cleanup_buf struct buf out = BUF_INIT;
	struct ctl *ctl = context;
	struct engine *engine;
	int r = check(o, err);

	if (r == 0)
		r = ctl_container(ctl, args[0], &engine, &container, err);
	(void)sigaction(SIGINT, &interrupt, NULL);
	if (r == 0)
		r = sample(engine, container, o, &profile, err);
	if (r < 0)
		return r;
	if (!profile.samples)
		print_note("it used no processor meanwhile: the graph is empty");
	put(&profile, container, o, o->output ? &out : &ctl->out);
	return o->output ? write_file(o->output, &out, err) : 0;
}

const struct verb_spec verb_flame = {
	.name = "flame",
	.section = SECTION_CONTAINERS,
	.summary = "Draw where a running container spends processor time",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct flame_options),
	.defaults = &defaults,
	.run = run,
};
