/* SPDX-License-Identifier: Apache-2.0 */
/* A further process in a container, from what a person asked for. */
#ifndef UCR_AGENTD_BUNDLE_EXEC_H
#define UCR_AGENTD_BUNDLE_EXEC_H

#include "common/err.h"
#include "common/spec.h"

/* A process to execute in a running container: its first one's, with the changes asked
 * for. */
struct exec_options {
	char *const *command;
	char *const *env;
	char *const *env_files, *const *env_removed;
	const char *workdir, *user;
	bool is_interactive, has_terminal, is_detached;
	struct {
		uint16_t rows, columns;
	} terminal_size;
	int record_dirfd; /* where its end is written, and clients connect; 0: nowhere */
};
int bundle_exec_process(const struct spec *spec, const struct exec_options *options,
	struct spec_process *ret, struct err *err) __attribute__((warn_unused_result));

#endif
