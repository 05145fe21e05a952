/* SPDX-License-Identifier: Apache-2.0 */
/* One line of progress on the terminal behind standard error, gone when the work is done.
 */
#ifndef UCR_UCRCTL_PROGRESS_H
#define UCR_UCRCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	int64_t last_ns; /* when the line was last drawn (CLOCK_MONOTONIC) */
	bool is_shown;
};

#define PROGRESS_INIT                                                                    \
	{                                                                                \
		0                                                                        \
	}

bool progress_is_wanted(void);

/* An import_progress_fn; `arg` is the struct progress. */
void progress_show(const char *what, size_t layer, size_t layers, uint64_t done,
	uint64_t total, void *arg);

/* Takes the line away. */
void progress_done(struct progress *progress);

#endif
