/* SPDX-License-Identifier: Apache-2.0 */
/* A layer written as EROFS image, its content copied or left in the archive: whatever the layer,
 * the checker lets the image through. */
#include "common/fd.h"
#include "images/erofs-check.h"
#include "images/erofs-tree.h"
#include "images/layer.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FUZZ_BYTES (1U << 20)
#define FUZZ_ENTRIES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct sink *sink, int data_fd, size_t archive_size)
{
	cleanup_close int image_fd = memfd_create("image", MFD_CLOEXEC);
	struct erofs_image image = { .device_sizes = { 0, archive_size } };
	cleanup_free char *text = NULL;
	bool has_archive = false;
	struct err err = { 0 };
	struct stat st;
	int r = erofs_tree_write(sink, image_fd, &has_archive, &err);

	if (r == -E2BIG) /* extended attributes beyond what an inode can have */
		return;
	if (r < 0 || fstat(data_fd, &st) < 0 || lseek(image_fd, 0, SEEK_SET) < 0 ||
		fd_read_all(image_fd, 64U << 20, &text, &image.len) < 0)
		abort();
	image.data = (const uint8_t *)text;
	image.device_sizes[0] = (uint64_t)st.st_size;
	image.device_count = has_archive ? 2 : 1;
	if (erofs_check(&image, &err) < 0)
		abort();
}

static void write_layer(int archive_fd, size_t size, bool may_point)
{
	cleanup_close int data_fd = memfd_create("data", MFD_CLOEXEC);
	struct erofs_files files = { .data_fd = data_fd,
		.archive_fd = may_point ? archive_fd : -1 };
	struct byte_range range = { .fd = archive_fd, .size = size };
	struct unpack_limits limits;
	struct unpack_usage usage = { .limits = &limits };
	struct notes notes = { 0 };
	struct layer_job job = { .usage = &usage, .notes = &notes };
	cleanup_sink struct sink *sink = NULL;
	struct layer_result result;
	struct stream *s = NULL;
	struct err err = { 0 };

	unpack_limits_init(&limits);
	limits.bytes = FUZZ_BYTES;
	limits.entries = FUZZ_ENTRIES;
	if (erofs_tree_new(&files, &notes, &sink, &err) < 0 ||
		stream_of_range(&range, &s, &err) < 0)
		abort();
	job.sink = sink;
	if (layer_unpack(&job, s, &result, &err) == 0)
		check(sink, data_fd, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_close int archive_fd = fd_memfd_sealed("tar", data, size);

	if (archive_fd < 0)
		return 0;
	write_layer(archive_fd, size, false);
	write_layer(archive_fd, size, true);
	return 0;
}
