/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that are lists: the rates of block devices, and huge pages by their size. */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define IO_WEIGHT_MIN 10
#define IO_WEIGHT_MAX 1000

static int bad(const char *option, const char *text, const char *want, struct err *err)
{
	return err_say(err, EINVAL, "%s %s: want %s", option, text, want);
}

static int find_device(const char *option, const char *path, struct spec_block_device *to,
	struct err *err)
{
	struct stat st;

	if (!str_skip_prefix(path, "/dev/") || strstr(path, "/../"))
		return bad(option, path, "a block device in /dev", err);
	if (stat(path, &st) < 0)
		return err_set(err, errno, "%s %s", option, path);
	if (!S_ISBLK(st.st_mode))
		return bad(option, path, "a block device, as /dev/sda", err);
	to->major = major(st.st_rdev);
	to->minor = minor(st.st_rdev);
	return 0;
}

/* "DEVICE:RATE" */
static int add_rate(const char *option, const char *text, bool is_bytes,
	struct spec_block_devices *to, struct err *err)
{
	const char *colon = strrchr(text, ':');
	cleanup_free char *path =
		colon ? strndup(text, (size_t)(colon - text)) : strdup("");
	struct spec_block_device *device;
	uint64_t rate = 0;

	if (!path)
		return err_oom(err);
	if (!colon ||
		(is_bytes ? str_to_bytes(colon + 1, &rate)
			  : str_to_u64(colon + 1, &rate)) < 0 ||
		!rate)
		return bad(option, text,
			is_bytes ? "DEVICE:BYTES a second, as /dev/sda:10m"
				 : "DEVICE:NUMBER a second, as /dev/sda:100",
			err);
	device = bundle_grow(to);
	if (!device)
		return err_oom(err);
	device->rate = (struct spec_u64){ true, rate };
	return find_device(option, path, device, err);
}

static const struct {
	const char *option;
	size_t from, to;
	bool is_bytes;
} rates[] = {
	{ "--device-read-bps", offsetof(struct run_options, device_read_bps),
		offsetof(struct spec_block_io, throttle_read_bps_device), true },
	{ "--device-write-bps", offsetof(struct run_options, device_write_bps),
		offsetof(struct spec_block_io, throttle_write_bps_device), true },
	{ "--device-read-iops", offsetof(struct run_options, device_read_iops),
		offsetof(struct spec_block_io, throttle_read_iops_device), false },
	{ "--device-write-iops", offsetof(struct run_options, device_write_iops),
		offsetof(struct spec_block_io, throttle_write_iops_device), false },
};

static int add_rates(
	const struct run_options *options, struct spec_block_io *io, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		char *const *words =
			*(char *const *const *)(const void *)((const char *)options +
							      rates[i].from);
		struct spec_block_devices *to = (void *)((char *)io + rates[i].to);

		strv_each (text, words) {
			if (r == 0)
				r = add_rate(rates[i].option, *text, rates[i].is_bytes,
					to, err);
		}
	}
	return r;
}

/* "2MB=64m" */
static int add_huge_pages(const char *text, struct spec_resources *to, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits, *equals = strchr(text, '=');
	struct spec_hugepage_limit *limit;
	uint64_t bytes;

	if (!digits || !equals || equals - unit != 2 || !strchr("KMG", *unit) ||
		unit[1] != 'B' || str_to_bytes(equals + 1, &bytes) < 0)
		return bad("--hugetlb", text,
			"the size of a page and a limit, as 2MB=64m", err);
	limit = bundle_grow(&to->hugepage_limits);
	if (!limit)
		return err_oom(err);
	limit->limit = bytes;
	limit->page_size = strndup(text, (size_t)(equals - text));
	return limit->page_size ? 0 : err_oom(err);
}

int bundle_io(
	const struct run_options *options, struct spec_resources *to, struct err *err)
{
	const char *weight = options->io_weight;
	int r = add_rates(options, &to->block_io, err);

	strv_each (text, options->huge_pages) {
		if (r == 0)
			r = add_huge_pages(*text, to, err);
	}
	if (r < 0 || !weight)
		return r;
	to->block_io.weight.is_set = true;
	if (str_to_u64(weight, &to->block_io.weight.value) < 0 ||
		to->block_io.weight.value < IO_WEIGHT_MIN ||
		to->block_io.weight.value > IO_WEIGHT_MAX)
		return bad("--blkio-weight", weight, "a number from 10 to 1000", err);
	return 0;
}
