/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far work on an image is, on standard error: a bar for each layer on a terminal, gone when
 * the work is done; plain lines, one as each thing begins; or JSON lines for programs.
 */
#ifndef UCR_UCRCTL_PROGRESS_H
#define UCR_UCRCTL_PROGRESS_H

#include "images/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of progress_names. */
enum progress_kind {
	PROGRESS_AUTO, /* bars on a terminal, else nothing */
	PROGRESS_BARS,
	PROGRESS_PLAIN,
	PROGRESS_JSON,
	PROGRESS_NONE,
};

extern const char *const progress_names[];

struct progress_row {
	char what[48]; /* "": not begun */
	uint64_t done, total;
};

struct progress {
	enum progress_kind kind;
	int64_t last_ns; /* when the bars were last drawn (CLOCK_MONOTONIC) */
	size_t layers;
	size_t drawn;					/* lines on the terminal */
	struct progress_row rows[1 + IMAGE_LAYERS_MAX]; /* [0]: of no layer */
};

/* Standard error is a terminal that can move its cursor. */
bool progress_is_terminal(void);

/* False when nothing is to be shown. */
bool progress_init(struct progress *progress, enum progress_kind kind);

/* An import_progress_fn; `arg` is the struct progress. */
void progress_show(const char *what, size_t layer, size_t layers, uint64_t done,
	uint64_t total, void *arg);

/* Takes the bars away. */
void progress_done(struct progress *progress);

#endif
