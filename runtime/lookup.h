/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the program of a process the way a shell would, as seen from inside the
 * container. */
#ifndef UCR_RUNTIME_LOOKUP_H
#define UCR_RUNTIME_LOOKUP_H

#include "common/err.h"

/*
 * `name` itself when it holds a '/', else the first hit in the PATH of `env`. Returns 0
 * or an outcome of runtime.h: RUNTIME_NO_PROGRAM, RUNTIME_NOT_EXECUTABLE. The texts are
 * those that callers of OCI runtimes look for.
 */
int lookup_program(char *const *env, const char *name, char **ret, struct err *err)
	__attribute__((warn_unused_result));

/* The outcome for a failed execve(2) of `path`. */
int lookup_failure(const char *path, int code, struct err *err);

#endif
