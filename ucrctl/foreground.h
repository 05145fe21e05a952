/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `run`, `exec` and `attach` in which the person is with the process. */
#ifndef UCR_UCRCTL_FOREGROUND_H
#define UCR_UCRCTL_FOREGROUND_H

#include "ucrctl/ctl.h"
#include "ucrctl/running.h"

/* Relays until the container ends, cleans up after it, says why it was killed. The exit
 * status, or -errno. */
int foreground_run(struct ctl *ctl, struct running *running,
	const struct run_options *run, struct err *err)
	__attribute__((warn_unused_result));

/* Relays and tells the exit status; nothing is cleaned up. */
int foreground_attach(struct ctl *ctl, struct running *running, bool has_terminal,
	bool is_interactive, struct err *err) __attribute__((warn_unused_result));

#endif
