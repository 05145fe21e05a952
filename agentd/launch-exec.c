/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch.h"

#include "agentd/container-private.h"
#include "agentd/events.h"
#include "agentd/supervisor.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>

/* What the child needs to enter the container. */
struct entry {
	struct spec *spec;
	struct spec_process process;
	const char *user;
	struct runtime_state state;
};

static int start(const struct supervisor *supervisor, const int stdio_fds[3],
	struct notes *notes, struct runtime_container *ret, struct err *err)
{
	struct entry *entry = supervisor->arg;
	struct runtime_exec exec = {
		.state = &entry->state,
		.spec = entry->spec,
		.process = &entry->process,
		.user = entry->user,
		.stdio_fds = { stdio_fds[0], stdio_fds[1], stdio_fds[2] },
		.notes = notes,
	};

	return runtime_exec(&exec, ret, err);
}

static int load_entry(const struct container *container,
	const struct exec_options *options, struct entry *ret, struct err *err)
{
	int r;

	r = container_spec(container->dirfd, &ret->spec, err);
	if (r == 0)
		r = bundle_exec_process(ret->spec, options, &ret->process, err);
	if (r == 0)
		r = runtime_state_load(container->dirfd, &ret->state, err);
	ret->user = options->user ? options->user : container->user;
	return r;
}

static int check_running(const struct container *container, struct err *err)
{
	if (container->status == CONTAINER_RUNNING)
		return 0;
	return err_say(err, ESRCH, "container %.*s is not running (%s)",
		CONTAINER_SHORT_ID, container->id,
		container_status_name(container->status));
}

int launch_exec(struct engine *engine, struct container *container,
	const struct exec_options *options, struct launched *ret, struct err *err)
{
	struct entry entry = { 0 };
	struct supervisor supervisor = {
		.engine = engine,
		.has_terminal = options->has_terminal,
		.is_interactive = options->is_interactive,
		.is_detached = options->is_detached,
		.start = start,
		.arg = &entry,
		.container_dirfd = -1,
		.record_dirfd = options->record_dirfd,
		.held_fds = { -1, -1 },
	};
	int r;

	r = check_running(container, err);
	if (r == 0)
		r = load_entry(container, options, &entry, err);
	if (r == 0)
		r = supervisor_run(&supervisor, ret, err);
	if (r == 0)
		events_append(engine, &(struct event){ .type = "exec",
					      .id = container->id,
					      .name = container->name,
					      .image = container->image });
	spec_process_done(&entry.process);
	spec_free(entry.spec);
	runtime_state_done(&entry.state);
	return r;
}
