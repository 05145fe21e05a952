/* SPDX-License-Identifier: Apache-2.0 */
/* What `stats` shows of a container: rows, their columns, their order. */
#ifndef UCR_UCRCTL_STATS_ROW_H
#define UCR_UCRCTL_STATS_ROW_H

#include "agentd/container-measure.h"
#include "ucrctl/format.h"

/* A container with two measurements: their difference over the time between is the rate. */
struct stats_row {
	struct container *container;
	struct container_measure before, now;
	int64_t before_ns, now_ns; /* CLOCK_MONOTONIC; 0: not measured */
	bool is_told;		   /* why nothing is known of it */
};

extern const struct format_column stats_columns[];

/* For option_choice; the first is the order in which they are listed. */
extern const char *const stats_sort_names[];
void stats_sort(struct stats_row *rows, size_t count, unsigned int by);

#endif
