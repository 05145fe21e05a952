/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/profile-private.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

#define DRAIN_MS 50 /* so that names are looked up while their processes live */
#define STACKS_MAX 100000
#define KERNEL_MARK "_[k]" /* behind a function of the kernel's */

struct run {
	struct profile_events *events;
	struct profile_spaces *spaces;
	struct profile_kernel *kernel; /* NULL until one of its addresses is met */
	void *tree;		       /* of struct profile_stack, by frames */
	size_t stack_count;
	struct buf frames;
	uint64_t samples, lost;
};

/* ---- one sample ---- */

static int compare_stacks(const void *a, const void *b)
{
	const struct profile_stack *x = a, *y = b;

	return strcmp(x->frames, y->frames);
}

static void count_stack(struct run *run, const char *frames)
{
	const struct profile_stack wanted = { .frames = (char *)(uintptr_t)frames };
	void *found = tfind(&wanted, &run->tree, compare_stacks);
	struct profile_stack *stack;

	run->samples++;
	if (found) {
		(*(struct profile_stack **)found)->count++;
		return;
	}
	stack = run->stack_count < STACKS_MAX ? calloc(1, sizeof(*stack)) : NULL;
	if (!stack || str_set(&stack->frames, frames) < 0 ||
		!tsearch(stack, &run->tree, compare_stacks)) {
		if (stack)
			free(stack->frames);
		free(stack);
		run->lost++;
		return;
	}
	stack->count = 1;
	run->stack_count++;
}

static void put_frame(struct run *run, pid_t pid, uint64_t address, bool is_kernel)
{
	buf_putc(&run->frames, PROFILE_SEPARATOR);
	if (!is_kernel) {
		buf_puts(&run->frames, profile_spaces_symbol(run->spaces, pid, address));
		return;
	}
	if (!run->kernel)
		run->kernel = profile_kernel_new();
	buf_puts(&run->frames, profile_kernel_symbol(run->kernel, address));
	buf_puts(&run->frames, KERNEL_MARK);
}

/*
 * The chain has the innermost address first, and words that are no addresses before those of the
 * kernel and before those of the program. All but the innermost of each are addresses to return to,
 * one behind the call.
 */
static void on_sample(void *arg, pid_t pid, const uint64_t *chain, size_t count)
{
	struct run *run = arg;
	bool is_kernel[PROFILE_DEPTH_MAX + 4], is_inner[PROFILE_DEPTH_MAX + 4];
	bool in_kernel = false, is_first = true;

	for (size_t i = 0; i < count; i++) {
		if (chain[i] >= (uint64_t)PERF_CONTEXT_MAX) {
			in_kernel = chain[i] == (uint64_t)PERF_CONTEXT_KERNEL;
			is_first = true;
			continue;
		}
		is_kernel[i] = in_kernel;
		is_inner[i] = is_first;
		is_first = false;
	}
	buf_reset(&run->frames);
	buf_puts(&run->frames, profile_spaces_process(run->spaces, pid));
	for (size_t i = count; i > 0; i--) {
		if (chain[i - 1] < (uint64_t)PERF_CONTEXT_MAX)
			put_frame(run, pid, chain[i - 1] - !is_inner[i - 1],
				is_kernel[i - 1]);
	}
	if (buf_finish(&run->frames) == 0)
		count_stack(run, run->frames.data);
}

static void on_mapped(void *arg, pid_t pid, uint64_t start, uint64_t len, uint64_t offset,
	const char *path)
{
	struct run *run = arg;

	profile_spaces_map(run->spaces, pid, start, len, offset, path);
}

static void on_named(void *arg, pid_t pid, const char *name, bool is_exec)
{
	struct run *run = arg;

	profile_spaces_name(run->spaces, pid, name, is_exec);
}

static void on_forked(void *arg, pid_t pid, pid_t parent)
{
	struct run *run = arg;

	profile_spaces_fork(run->spaces, pid, parent);
}

static void on_lost(void *arg, uint64_t count)
{
	struct run *run = arg;

	run->lost += count;
}

/* ---- the run ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int sample(struct run *run, const struct profile_options *options, struct err *err)
{
	const struct profile_handler handler = { on_sample, on_mapped, on_named,
		on_forked, on_lost, run };
	const struct timespec pause = { 0, DRAIN_MS * 1000000L };
	int64_t end = now_ms() + (int64_t)options->duration_ms;
	int r = profile_events_start(run->events, err);

	while (r == 0 && now_ms() < end &&
		!(options->is_stopped && options->is_stopped())) {
		(void)nanosleep(&pause, NULL);
		profile_events_drain(run->events, &handler);
	}
	profile_events_stop(run->events);
	profile_events_drain(run->events, &handler);
	return r;
}

static void take_stack(const void *node, VISIT visit, void *arg)
{
	struct profile *profile = arg;
	struct profile_stack *stack = *(struct profile_stack *const *)node;

	if (visit == postorder || visit == leaf)
		profile->stacks[profile->count++] =
			(struct profile_stack){ take_ptr(stack->frames), stack->count };
}

static void free_stack(void *p)
{
	struct profile_stack *stack = p;

	free(stack->frames);
	free(stack);
}

static void run_done(struct run *run)
{
	tdestroy(run->tree, free_stack);
	profile_events_free(run->events);
	profile_spaces_free(run->spaces);
	profile_kernel_free(run->kernel);
	buf_done(&run->frames);
}

int profile_run(
	const struct profile_options *options, struct profile *ret, struct err *err)
{
	cleanup_with(run_done) struct run run = { 0 };
	struct profile profile = { 0 };
	int r = profile_spaces_new(&run.spaces);

	if (r < 0)
		return err_oom(err);
	r = profile_events_open(options, &run.events, err);
	if (r == 0)
		r = sample(&run, options, err);
	if (r < 0)
		return r;
	profile.stacks = calloc(run.stack_count + 1, sizeof(*profile.stacks));
	if (!profile.stacks)
		return err_oom(err);
	twalk_r(run.tree, take_stack, &profile); /* in their order */
	profile.samples = run.samples;
	profile.lost = run.lost;
	*ret = profile;
	return 0;
}

void profile_done(struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		free(profile->stacks[i].frames);
	free(profile->stacks);
	*profile = (struct profile){ 0 };
}

void profile_fold(const struct profile *profile, struct buf *out)
{
	for (size_t i = 0; i < profile->count; i++) {
		for (const char *c = profile->stacks[i].frames; *c; c++)
			buf_putc(out, *c == PROFILE_SEPARATOR ? ';' : *c);
		buf_printf(out, " %llu\n", (unsigned long long)profile->stacks[i].count);
	}
}
