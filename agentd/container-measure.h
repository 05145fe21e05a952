/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container uses at one moment, of all that is counted, and the two forms in which others
 * are told: Mesos' ResourceStatistics and metrics.
 */
#ifndef UCR_AGENTD_CONTAINER_MEASURE_H
#define UCR_AGENTD_CONTAINER_MEASURE_H

#include "agentd/container-network.h"
#include "agentd/container-usage.h"
#include "common/json-writer.h"
#include "common/metrics.h"

struct container_measure {
	int64_t time; /* nanoseconds since the epoch */
	struct cgroup_usage usage;
	struct network_usage network;
};

/* What is not known is UINT64_MAX. -ESRCH: it has ended, or it has no cgroup, and at most its
 * network is known. */
int container_measure(struct engine *engine, struct container *container,
	struct container_measure *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The members of a ResourceStatistics, into an object that is open. */
void container_write_statistics(
	struct json_writer *w, const struct container_measure *measure);

struct container_measured {
	const struct container *container;
	struct container_measure measure;
};

/* One family for each thing that is counted, and in each family a sample for every container where
 * it is known. */
void container_put_metrics(
	struct metrics *metrics, const struct container_measured *items, size_t count);

#endif
