/* SPDX-License-Identifier: Apache-2.0 */
/* A layer, compressed or not, unpacked into a temporary directory on top of another one. */
#include "common/fd.h"
#include "images/layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FUZZ_BYTES (1U << 20)
#define FUZZ_ENTRIES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int make_lower(int dirfd)
{
	int fd = fd_mkdir_open(dirfd, "lower", 0700);
	cleanup_close int sub = fd < 0 ? -1 : fd_mkdir_open(fd, "d", 0750);

	if (sub < 0 || fd_replace_file(sub, "f", "lower", 5, 0644, FD_NO_SYNC) < 0 ||
		symlinkat("d", fd, "l") < 0)
		abort();
	return fd;
}

static void unpack(int dirfd, int data_fd, size_t size)
{
	cleanup_close int lower_fd = make_lower(dirfd),
			  fd = fd_mkdir_open(dirfd, "new", 0700);
	struct byte_range range = { .fd = data_fd, .size = size };
	struct unpack_limits limits;
	struct unpack_usage usage = { .limits = &limits };
	struct layer_result result;
	struct notes notes = { 0 };
	struct layer_job job = { .lower = { .fds = &lower_fd, .count = 1 },
		.usage = &usage,
		.notes = &notes };
	cleanup_sink struct sink *sink = NULL;
	struct stream *s = NULL;
	struct err err = { 0 };

	unpack_limits_init(&limits);
	limits.bytes = FUZZ_BYTES;
	limits.entries = FUZZ_ENTRIES;
	limits.ratio_from = FUZZ_BYTES;
	if (sink_dir_new(fd, &notes, &sink, &err) < 0)
		abort();
	job.sink = sink;
	if (stream_of_range(&range, &s, &err) < 0 ||
		stream_inflated(s, &limits, &s, NULL, &err) < 0)
		return;
	if (layer_unpack(&job, s, &result, &err) < 0 && (!err.code || !*err.text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_close int data_fd = fd_memfd_sealed("tar", data, size), dirfd = -1;
	char path[] = "/tmp/ucr-fuzz-XXXXXX";

	if (data_fd < 0 || !mkdtemp(path))
		return 0;
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0)
		unpack(dirfd, data_fd, size);
	if (fd_remove_tree(AT_FDCWD, path) < 0)
		abort();
	return 0;
}
