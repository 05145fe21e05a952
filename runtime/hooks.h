/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of a configuration: programs that run at fixed points of a container's life
 * with its state on their standard input. They run where the caller stands: in the
 * runtime's namespaces or, called from the container's process, in the container's.
 */
#ifndef UCR_RUNTIME_HOOKS_H
#define UCR_RUNTIME_HOOKS_H

#include "runtime/runtime.h"

struct hook_run {
	const char *name; /* "createRuntime" */
	const struct spec_hooks *hooks;
	const struct runtime_state *state;
	enum runtime_status status; /* what the hooks are told */
	pid_t pid;
	/* Called in the hook's process before it executes; NULL: nothing to do. */
	int (*confine)(void *arg, struct err *err);
	void *arg;
};

/* Runs them one by one and stops at the first that fails. */
int hooks_run(const struct hook_run *run, struct err *err)
	__attribute__((warn_unused_result));

/* Runs them all; a failure becomes a note. */
void hooks_run_all(const struct hook_run *run, struct notes *notes);

/* The configuration as it was at creation, for the hooks that run later. */
int hooks_load_spec(int state_dirfd, struct spec **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
