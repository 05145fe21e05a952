/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of a container: a pty of its own devpts, both ends by descriptor (D16).
 */
#ifndef UCR_ISOLATORS_CONSOLE_H
#define UCR_ISOLATORS_CONSOLE_H

#include "isolators/isolator.h"

/* isolate, with process.terminal: opens the pair, binds the slave on /dev/console, sets
 * the size, keeps the master in console_fd for the runtime to hand out, makes the slave
 * the controlling terminal and stdin, stdout, stderr. Calls setsid(2). After dev. */
extern const struct isolator console_isolator;

/* The same for an exec: no /dev/console; root_fd is the running container's "/". */
extern const struct isolator console_exec_isolator;

#endif
