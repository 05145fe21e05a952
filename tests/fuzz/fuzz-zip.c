/* SPDX-License-Identifier: Apache-2.0 */
/* A zip archive, read to its end or to its first fault. */
#include "common/fd.h"
#include "images/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpack_limits limits = {
		.bytes = 1 << 20, .entries = 200, .ratio = 250, .ratio_from = 1 << 20
	};
	cleanup_close int fd = fd_memfd_sealed("zip", data, size);
	cleanup_zip struct zip *zip = NULL;
	struct err err = { 0 };
	struct tar_entry e;
	const void *piece;
	uint64_t offset;
	size_t len;
	int r = zip_open(fd, &limits, &zip, &err);

	while (r == 0 && (r = zip_next(zip, &e, &err)) > 0) {
		do
			r = e.has_data ? zip_data(zip, &piece, &len, &offset, &err) : 0;
		while (r > 0);
	}
	if (r < 0 && (!err.code || !*err.text))
		abort();
	return 0;
}
