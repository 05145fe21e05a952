/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `run`, `exec` and `attach` in which the person is with the process. */
#ifndef UCR_UCRCTL_FOREGROUND_H
#define UCR_UCRCTL_FOREGROUND_H

#include "agentd/attach.h"
#include "agentd/launch.h"

/* Relays until the container ends, cleans up after it, says why it was killed. The exit
 * status, or -errno. */
int foreground_run(struct engine *engine, struct container *container,
	const struct launched *launch, const struct run_options *options, struct err *err)
	__attribute__((warn_unused_result));

/* Relays and tells the exit status; nothing is cleaned up. `container` (may be NULL) is asked
 * for the status when the shim could not say it. */
int foreground_attach(struct engine *engine, struct container *container,
	const struct attach_options *options, struct err *err)
	__attribute__((warn_unused_result));

#endif
