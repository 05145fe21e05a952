/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's own terminal: raw while a container's terminal is shown in it. */
#ifndef UCR_AGENTD_TERMINAL_H
#define UCR_AGENTD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
	bool is_raw;
	struct termios saved;
};

/* Standard input into raw mode; nothing when it is no terminal. */
int terminal_make_raw(struct terminal *terminal) __attribute__((warn_unused_result));
void terminal_restore(struct terminal *terminal);

/* The window's size from the first of standard input, output and error that is a terminal; false
 * when none is. */
bool terminal_size(uint16_t *ret_rows, uint16_t *ret_columns);

#endif
