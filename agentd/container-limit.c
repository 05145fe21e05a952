/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-limit.h"

#include <stdio.h>

#define AMOUNT_ROOM 32

/* Limits are whole mebibytes nearly always, and a peak is told in the limit's unit. */
static const char *amount(uint64_t bytes, char room[AMOUNT_ROOM])
{
	if (bytes == UINT64_MAX)
		return "unknown";
	if (bytes < 1U << 20)
		(void)snprintf(
			room, AMOUNT_ROOM, "%llu KiB", (unsigned long long)(bytes >> 10));
	else
		(void)snprintf(room, AMOUNT_ROOM, "%llu MiB",
			(unsigned long long)((bytes + (1U << 19)) >> 20));
	return room;
}

static bool memory_ended(const struct container_end *end)
{
	return end->is_oom_killed;
}

/* One rule for each resource whose limit can end a container. */
static const struct {
	bool (*ended)(const struct container_end *end);
	const char *reason, *resource;
	size_t limit, peak; /* offsets in struct container_end */
	const char *what, *advice;
} rules[] = {
	{ memory_ended, "REASON_CONTAINER_LIMITATION_MEMORY", "mem",
		offsetof(struct container_end, memory_limit_bytes),
		offsetof(struct container_end, memory_peak_bytes),
		"out of memory: the kernel killed it at its limit of",
		"give it more memory, or make what it runs use less" },
};

static uint64_t value_at(const struct container_end *end, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)end + offset);
}

bool container_limit_reached(
	const struct container *container, struct container_limit *ret)
{
	char limit[AMOUNT_ROOM], peak[AMOUNT_ROOM];

	if (container_is_live(container))
		return false;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].ended(&container->end))
			continue;
		ret->reason = rules[i].reason;
		ret->resource = rules[i].resource;
		ret->limit_bytes = value_at(&container->end, rules[i].limit);
		ret->peak_bytes = value_at(&container->end, rules[i].peak);
		(void)snprintf(ret->message, sizeof(ret->message), "%s %s (peak %s); %s",
			rules[i].what, amount(ret->limit_bytes, limit),
			amount(ret->peak_bytes, peak), rules[i].advice);
		return true;
	}
	return false;
}

/* Megabytes, as all of Mesos' resources. */
static void write_resource(struct json_writer *w, const char *name, uint64_t bytes)
{
	jw_object(w, NULL);
	jw_string(w, "name", name);
	jw_string(w, "type", "SCALAR");
	jw_object(w, "scalar");
	jw_milli(w, "value", (int64_t)((bytes >> 10) * 1000 / 1024));
	jw_object_end(w);
	jw_object_end(w);
}

void container_limit_write(struct json_writer *w, const struct container_limit *limit)
{
	jw_string(w, "reason", limit->reason);
	jw_string(w, "message", limit->message);
	if (limit->peak_bytes == UINT64_MAX)
		return;
	jw_object(w, "limitation");
	jw_array(w, "resources");
	write_resource(w, limit->resource, limit->peak_bytes);
	jw_array_end(w);
	jw_object_end(w);
}
