/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements as other programs collect them, streamed into a buffer: either the text that
 * Prometheus reads, or lines of Graphite's plaintext protocol. Whoever measures says the same for
 * both: a family, then its samples, all of one family together.
 *
 * Prometheus gets HELP and TYPE once a family and labels with their values escaped. Graphite gets
 * "prefix.family.value-of-label… number time", where what its paths cannot hold becomes "_".
 */
#ifndef UCR_COMMON_METRICS_H
#define UCR_COMMON_METRICS_H

#include "common/buf.h"

#include <stdint.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER };

/* `name` as Prometheus wants it: letters, digits and "_", the unit last, and "_total" after that
 * of what only grows. */
struct metric_family {
	const char *name, *help;
	enum metric_type type;
};

struct metric_label {
	const char *name, *value;
};

struct metrics {
	struct buf *out;
	const char *graphite_prefix; /* NULL: for Prometheus */
	int64_t seconds;	     /* since the epoch, of Graphite's lines */
	const struct metric_family *family;
};

void metrics_family(struct metrics *metrics, const struct metric_family *family);
/* Of the family that was begun last. `labels` ends with one that has no name; NULL: none. */
void metrics_sample(
	struct metrics *metrics, const struct metric_label *labels, double value);

#endif
