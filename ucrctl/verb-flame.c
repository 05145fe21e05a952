/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/fd.h"
#include "ucrctl/backend.h"
#include "ucrctl/ctl.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <fcntl.h>

enum format { FORMAT_SVG, FORMAT_FOLDED };
static const char *const format_names[] = { "svg", "folded", NULL };

struct flame_verb {
	const char *output;
	unsigned int format;
	struct flame_options flame;
};

static const struct flame_verb defaults = { .flame = { .duration_ms = 10000,
						    .frequency = 99 } };

#define AT(member) offsetof(struct flame_verb, member)

static const struct option_spec options[] = {
	{ "output", 'o', .arg = "FILE", .set = option_string, .offset = AT(output),
		.complete = COMPLETE_FILE,
		.help = "Write to FILE (default: standard output)" },
	{ "duration", .arg = "TIME", .set = option_ms, .offset = AT(flame.duration_ms),
		.help = "How long to sample (default: 10s); what was found until Ctrl-C is "
			"written, too, unless an agent samples" },
	{ "frequency", .arg = "NUMBER", .set = option_u32, .offset = AT(flame.frequency),
		.help = "Samples a second and processor (default: 99)" },
	{ "format", .arg = "FORMAT", .set = option_choice, .param = format_names,
		.offset = AT(format),
		.help = "svg (default), or folded: a line for each stack, as other programs read" },
	{ "per-thread", .set = option_bool, .offset = AT(flame.is_per_thread),
		.help = "Sample the threads there are now and their children, not the cgroup: "
			"what is done where the kernel cannot sample one" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

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
	const struct flame_verb *o = opts;
	struct flame_options flame = o->flame;
	cleanup_container struct container *container = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	const struct backend *backend;
	struct ctl *ctl = context;
	uint64_t samples;
	int r = flame_options_check(&flame, err);

	flame.is_folded = o->format == FORMAT_FOLDED;
	if (r == 0)
		r = ctl_find(ctl, args[0], &backend, &container, err);
	if (r == 0)
		r = backend->profile(ctl, container, &flame, o->output ? &out : &ctl->out,
			&samples, err);
	if (r < 0)
		return r;
	if (!samples)
		print_note("it used no processor meanwhile: the graph is empty");
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
	.options_size = sizeof(struct flame_verb),
	.defaults = &defaults,
	.run = run,
};
