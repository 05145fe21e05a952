/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/foreground.h"

#include "common/cleanup.h"
#include "ucrctl/backend.h"
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

/* Relays until it ends or is left, on another connection where one breaks. */
static int relay(struct ctl *ctl, struct running *running,
	const struct attach_options *how, struct attach_outcome *ret, struct err *err)
{
	struct attach_options options = *how;
	int r;

	for (;;) {
		r = attach_run(&options, ret, err);
		if (r < 0)
			return r;
		say_dropped(ret->dropped_bytes);
		if (ret->end != ATTACH_LOST)
			return 0;
		r = ctl->backend->rejoin(ctl, running, err);
		if (r <= 0)
			return r;
		options.fd = running->stream.fd;
	}
}

/* Nobody said how it ended, but it is written down, if anybody saw it. */
static int status_of(const struct container *container, struct err *err)
{
	if (container->end.exit_status >= 0)
		return container->end.exit_status;
	return err_say(err, EPIPE,
		"the shim of container %.*s was killed: its end is unknown",
		CONTAINER_SHORT_ID, container->id);
}

int foreground_attach(struct ctl *ctl, struct running *running, bool has_terminal,
	bool is_interactive, struct err *err)
{
	struct attach_options options = running_attach_options(running);
	struct attach_outcome outcome = { 0 };
	int r;

	options.has_terminal = options.detach_by_keys = has_terminal;
	options.is_interactive = is_interactive;
	r = relay(ctl, running, &options, &outcome, err);
	if (r < 0 || outcome.end == ATTACH_DETACHED)
		return r;
	return outcome.end == ATTACH_EXITED ? outcome.exit_status
					    : status_of(running->container, err);
}

int foreground_run(struct ctl *ctl, struct running *running,
	const struct run_options *run, struct err *err)
{
	struct attach_options options = running_attach_options(running);
	struct attach_outcome outcome = { 0 };
	int r;

	options.has_terminal = options.detach_by_keys = run->has_terminal;
	options.is_interactive = run->is_interactive;
	r = relay(ctl, running, &options, &outcome, err);
	if (r < 0 || outcome.end == ATTACH_DETACHED)
		return r;
	if (outcome.end == ATTACH_LOST)
		return status_of(running->container, err);
	ctl->backend->settle(ctl, running);
	if (running->container->end.is_oom_killed)
		say_oom(&running->container->end);
	return outcome.exit_status;
}
