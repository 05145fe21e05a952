/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-metrics.h"

#include "agentd/agent-private.h"
#include "agentd/container-measure.h"
#include "common/cleanup.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MEGABYTE 1048576.0

static void put_info(struct metrics *metrics)
{
	static const struct metric_family family = { "ucr_agent_info",
		"The agent's version.", METRIC_GAUGE };
	const struct metric_label labels[] = { { "version", PACKAGE_VERSION }, { 0 } };

	metrics_family(metrics, &family);
	metrics_sample(metrics, labels, 1);
}

static void put_resources(struct metrics *metrics, const struct resources *resources)
{
	static const struct {
		const char *name;
		struct metric_family family;
		double unit;
	} rows[] = {
		{ "cpus", { "ucr_agent_cpus", "Processors to give.", METRIC_GAUGE }, 1 },
		{ "mem", { "ucr_agent_memory_bytes", "Memory to give.", METRIC_GAUGE },
			MEGABYTE },
		{ "disk", { "ucr_agent_disk_bytes", "Disk to give.", METRIC_GAUGE },
			MEGABYTE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct resource *resource = resources_find(resources, rows[i].name);

		if (!resource || resource->kind != RESOURCE_SCALAR)
			continue;
		metrics_family(metrics, &rows[i].family);
		metrics_sample(
			metrics, NULL, (double)resource->milli / 1000 * rows[i].unit);
	}
}

static void put_states(struct metrics *metrics, const struct container_list *list)
{
	static const struct metric_family family = { "ucr_containers",
		"Containers by their state.", METRIC_GAUGE };
	size_t counts[CONTAINER_LOST + 1] = { 0 };

	for (size_t i = 0; i < list->count; i++)
		counts[list->items[i]->status]++;
	metrics_family(metrics, &family);
	for (size_t i = 0; i <= CONTAINER_LOST; i++) {
		const struct metric_label labels[] = {
			{ "state", container_status_name((enum container_status)i) },
			{ 0 }
		};

		metrics_sample(metrics, labels, (double)counts[i]);
	}
}

/* One that ended meanwhile, or that nobody counts, is left out. */
static int put_containers(struct agent *agent, const struct container_list *list,
	struct metrics *metrics, struct err *err)
{
	cleanup_free struct container_measured *measured =
		calloc(list->count + 1, sizeof(*measured));
	struct err ignored;
	size_t count = 0;

	if (!measured)
		return err_oom(err);
	for (size_t i = 0; i < list->count; i++) {
		measured[count].container = list->items[i];
		if (container_is_live(list->items[i]) &&
			container_measure(agent->engine, list->items[i],
				&measured[count].measure, &ignored) == 0)
			count++;
	}
	container_put_metrics(metrics, measured, count);
	return 0;
}

int agent_put_metrics(struct agent *agent, const struct container_list *list,
	struct metrics *metrics, struct err *err)
{
	put_info(metrics);
	put_resources(metrics, &agent->resources);
	put_states(metrics, list);
	return put_containers(agent, list, metrics, err);
}
