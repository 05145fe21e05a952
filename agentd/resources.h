/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent has to give, in the words of Mesos: "cpus:8;mem:16384;disk:102400;
 * ports:[31000-32000];gpus(role):{a,b}". Scalars have three decimals and never less than
 * nothing; mem, disk and huge pages count megabytes (2^20 bytes). Attributes have the same
 * form, and any other text as a value: "rack:r7;numa_nodes:2".
 */
#ifndef UCR_AGENTD_RESOURCES_H
#define UCR_AGENTD_RESOURCES_H

#include "common/err.h"
#include "common/json-writer.h"
#include "common/str.h"

#include <stdbool.h>

enum resource_kind { RESOURCE_SCALAR, RESOURCE_RANGES, RESOURCE_SET, RESOURCE_TEXT };

struct resource_range {
	uint64_t begin, end; /* both belong to it */
};

struct resource {
	char *name, *role; /* "*": nobody's */
	enum resource_kind kind;
	int64_t milli; /* RESOURCE_SCALAR: thousandths */
	struct {
		struct resource_range *items; /* ascending, none touches another */
		size_t count;
	} ranges;
	strv words; /* RESOURCE_SET; RESOURCE_TEXT: one */
};

struct resources {
	struct resource *items;
	size_t count;
};
#define cleanup_resources cleanup_with(resources_done)
void resources_done(struct resources *resources);

/* `text` NULL: none. */
int resources_parse(const char *text, struct resources *ret, struct err *err)
	__attribute__((warn_unused_result));
int attributes_parse(const char *text, struct resources *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Where to look; tests give folders of their own. */
struct resources_host {
	int proc_dirfd, sys_dirfd;
	int work_dirfd; /* on the file system whose size is "disk" */
};

/*
 * Adds what the host has and was not configured, as the Mesos agent finds it: the processors that
 * it may use, all memory and disk but 1 GB and 5 GB (half of a small one), ports 31000 to 32000,
 * reserved huge pages ("hugepages-2Mi").
 */
int resources_detect(const struct resources_host *host, struct resources *resources,
	struct err *err) __attribute__((warn_unused_result));
/* Adds "numa_nodes", the number of them. */
int attributes_detect(const struct resources_host *host, struct resources *attributes,
	struct err *err) __attribute__((warn_unused_result));

/* Takes over what the resource holds, which is empty afterwards. -EEXIST when that name has it
 * for that role, -E2BIG. */
int resources_add(struct resources *resources, struct resource *resource)
	__attribute__((warn_unused_result));
const struct resource *resources_find(
	const struct resources *resources, const char *name);

/* An array of Resource, or of Attribute, of the Mesos v1 API. */
void resources_write(
	struct json_writer *w, const char *key, const struct resources *resources);
void attributes_write(
	struct json_writer *w, const char *key, const struct resources *attributes);

#endif
