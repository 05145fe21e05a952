/* SPDX-License-Identifier: Apache-2.0 */
/* Values that need more than printing: v1's units in v2's, and items that both write
 * alike. */
#include "isolators/cgroup-settings.h"

#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Below this the kernel cannot even charge the stacks and page tables of one process. */
#define MEMORY_MIN (256 * 1024)

/*
 * 2 … 262144 shares with 1024 as the default become 1 … 10000 with 100 as the default:
 * the parabola through these three points in logarithmic scale.
 */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

/* 10 … 1000 becomes 1 … 10000. */
uint64_t cgroup_io_weight_of(uint64_t weight)
{
	if (weight <= 10)
		return 1;
	return weight >= 1000 ? 10000 : 1 + (weight - 10) * 9999 / 990;
}

int cgroup_swap_of(int64_t swap, int64_t limit, int64_t *ret)
{
	if (swap < 0 || limit < 0) {
		*ret = swap < 0 ? -1 : swap;
		return 0;
	}
	if (limit == 0)
		return -ENODATA;
	if (swap < limit)
		return -EINVAL;
	*ret = swap - limit;
	return 0;
}

int cgroup_check_memory(const struct spec_resources *resources, struct err *err)
{
	const struct spec_i64 *limit = &resources->memory.limit;

	if (!limit->is_set || limit->value <= 0 || limit->value >= MEMORY_MIN)
		return 0;
	(void)err_say(err, EINVAL,
		"a memory limit of %" PRId64
		" bytes is too small for any process to start",
		limit->value);
	return err_hint(err, "ask for at least %d KiB; 6 MiB is a sound minimum",
		MEMORY_MIN / 1024);
}

/* "2MB": digits and a unit, nothing that could name another file. */
static bool is_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && digits < 8 &&
	       (str_eq(s + digits, "KB") || str_eq(s + digits, "MB") ||
		       str_eq(s + digits, "GB"));
}

/*
 * The reservation limit (Linux 5.7) makes mmap fail where the plain limit only kills at
 * the page fault, so it comes first; where it is missing the plain one has to do.
 */
int cgroup_write_hugepages(int dirfd, const char *suffix,
	const struct spec_hugepage_limit *limit, struct err *err)
{
	static const char *const kinds[] = { "rsvd.", "" };
	char file[CGROUP_NAME_ROOM], value[CGROUP_VALUE_ROOM];
	int r;

	if (str_empty(limit->page_size) || !is_page_size(limit->page_size))
		return err_say(err, EINVAL,
			"hugepageLimits: \"%s\" is no page size (2MB, 1GB, ...)",
			limit->page_size ? limit->page_size : "");
	(void)snprintf(value, sizeof(value), "%" PRIu64, limit->limit);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "hugetlb.%s.%s%s", limit->page_size,
			kinds[i], suffix);
		if (kinds[i][0] && !cgroup_has_file(dirfd, file))
			continue;
		r = cgroup_write(dirfd, file, value,
			"this machine has no huge pages of this size; remove the limit",
			err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_write_rdma(int dirfd, const struct spec_rdma *rdma, struct err *err)
{
	char value[160];
	int n;

	if (str_empty(rdma->device) || strlen(rdma->device) > 63 ||
		strpbrk(rdma->device, " \t\n="))
		return err_say(err, EINVAL, "rdma: \"%s\" is no device name",
			rdma->device ? rdma->device : "");
	n = snprintf(value, sizeof(value), "%s", rdma->device);
	if (rdma->hca_handles.is_set)
		n += snprintf(value + n, sizeof(value) - (size_t)n,
			" hca_handle=%" PRIu64, rdma->hca_handles.value);
	if (rdma->hca_objects.is_set)
		(void)snprintf(value + n, sizeof(value) - (size_t)n,
			" hca_object=%" PRIu64, rdma->hca_objects.value);
	return cgroup_write(dirfd, "rdma.max", value, NULL, err);
}
