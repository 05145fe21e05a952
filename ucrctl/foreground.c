/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/foreground.h"

#include "common/cleanup.h"
#include "ucrctl/human.h"
#include "ucrctl/print.h"

#include <errno.h>
#include <stdio.h>

/* Limits are whole mebibytes nearly always, and a peak is told in the limit's unit. */
static void put_memory(struct buf *b, uint64_t bytes)
{
	if (bytes == UINT64_MAX)
		buf_puts(b, "unknown");
	else if (bytes < 1U << 20)
		buf_printf(b, "%llu KiB", (unsigned long long)(bytes >> 10));
	else
		buf_printf(
			b, "%llu MiB", (unsigned long long)((bytes + (1U << 19)) >> 20));
}

static void say_oom(const struct container_end *end)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_puts(&b, "killed: out of memory: limit ");
	put_memory(&b, end->memory_limit_bytes);
	buf_puts(&b, ", peak ");
	put_memory(&b, end->memory_peak_bytes);
	if (buf_finish(&b) == 0)
		print_note(b.data);
}

static void say_dropped(uint64_t bytes)
{
	cleanup_buf struct buf b = BUF_INIT;

	if (!bytes)
		return;
	human_bytes(&b, bytes);
	buf_puts(&b, " of output were left out here: this terminal was too slow");
	if (buf_finish(&b) == 0)
		print_note(b.data);
}

/* The container is cleaned up by us while its shim waits, which saves a program; a failure is
 * left to the shim, which then tries itself. */
static void finish(struct engine *engine, struct container *container, int attach_fd)
{
	struct err err = { 0 };

	if (container_cleanup(engine, container, &err) < 0)
		print_err("run", &err);
	else
		attach_release(attach_fd);
	if (container->end.is_oom_killed)
		say_oom(&container->end);
}

static int ask_container(
	struct engine *engine, struct container *container, struct err *err)
{
	int r;

	if (!container)
		return err_say(
			err, EPIPE, "the process's shim was killed: its end is unknown");
	r = container_wait(engine, container, -1, err);
	if (r < 0)
		return r;
	if (container->end.exit_status >= 0)
		return container->end.exit_status;
	return err_say(err, EPIPE,
		"the shim of container %.*s was killed: its end is unknown",
		CONTAINER_SHORT_ID, container->id);
}

int foreground_attach(struct engine *engine, struct container *container,
	const struct attach_options *options, struct err *err)
{
	struct attach_outcome outcome;
	int r;

	r = attach_run(options, &outcome, err);
	if (r < 0)
		return r;
	say_dropped(outcome.dropped_bytes);
	if (outcome.end == ATTACH_EXITED)
		return outcome.exit_status;
	return outcome.end == ATTACH_DETACHED ? 0 : ask_container(engine, container, err);
}

int foreground_run(struct engine *engine, struct container *container,
	const struct launched *launch, const struct run_options *options, struct err *err)
{
	struct attach_options attach = {
		.fd = launch->attach_fd,
		.pidfd = launch->pidfd,
		.has_terminal = options->has_terminal,
		.is_interactive = options->is_interactive,
		.detach_by_keys = options->has_terminal,
	};
	struct attach_outcome outcome;
	int r;

	r = attach_run(&attach, &outcome, err);
	if (r < 0)
		return r;
	if (outcome.end == ATTACH_DETACHED)
		return 0;
	if (outcome.end == ATTACH_LOST)
		return ask_container(engine, container, err);
	finish(engine, container, launch->attach_fd);
	return outcome.exit_status;
}
