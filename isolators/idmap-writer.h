/* SPDX-License-Identifier: Apache-2.0 */
/* newuidmap(1) and newgidmap(1): how a normal user writes maps of more than himself. */
#ifndef UCR_ISOLATORS_IDMAP_WRITER_H
#define UCR_ISOLATORS_IDMAP_WRITER_H

#include "common/err.h"
#include "common/spec-linux.h"

#include <sys/types.h>

struct idmap_writer {
	const char *program; /* "newuidmap" or "newgidmap" */
	pid_t pid;	     /* of the running program, 0: none */
	int stderr_fd;
};

/* Starts the program; the two run side by side. */
int idmap_writer_start(struct idmap_writer *writer, pid_t target,
	const struct spec_id_maps *maps, struct err *err)
	__attribute__((warn_unused_result));

/* Waits for it; an error carries what it said. */
int idmap_writer_finish(struct idmap_writer *writer, struct err *err)
	__attribute__((warn_unused_result));

#endif
