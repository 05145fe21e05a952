/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a verb writes an archive: standard output, unless that is a terminal, or --output FILE. A
 * file is replaced when all is well, and else left as it was; a pipe or device is written to as
 * it is; a directory must not be there yet.
 */
#ifndef UCR_UCRCTL_OUTPUT_FILE_H
#define UCR_UCRCTL_OUTPUT_FILE_H

#include "common/err.h"

#include <stdbool.h>

struct output_file {
	const char *path; /* NULL: standard output */
	char *tmp;	  /* beside it, which becomes it at the end */
	int fd;		  /* of `tmp` or of the device; -1: standard output */
};

#define OUTPUT_FILE_NONE                                                                 \
	{                                                                                \
		.fd = -1                                                                 \
	}
#define cleanup_output_file cleanup_with(output_file_done)

/* `verb` is for messages. */
int output_file_open(const char *verb, const char *path, bool is_directory,
	struct output_file *ret, struct err *err) __attribute__((warn_unused_result));
/* What to write to. */
int output_file_fd(const struct output_file *out);
int output_file_keep(struct output_file *out, struct err *err)
	__attribute__((warn_unused_result));
void output_file_done(struct output_file *out);

#endif
