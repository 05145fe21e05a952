/* SPDX-License-Identifier: Apache-2.0 */
/* An archive in which every format looks for its images. */
#include "common/fd.h"
#include "images/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(
	const struct bundle *b, const struct image_format *format, const char *tag)
{
	const struct platform any = { 0 };
	const struct find_request request = { .tag = tag,
		.platform = platform_resolve(&any) };
	cleanup_found struct found_image image = { .format = format };
	cleanup_buf struct buf config = BUF_INIT;
	struct err err;

	if (format->probe(b) && format->find(b, &request, &image, &err) == 0 &&
		!image.config)
		(void)format->make_config(&image, &request.platform, &config, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct image_format *const formats[] = { &format_docker, &format_oci,
		&format_docker_v1, NULL };
	cleanup_close int fd = fd_memfd_sealed("archive", data, size);
	struct byte_range range = { .fd = fd, .size = size };
	cleanup_bundle struct bundle *b = NULL;
	enum bundle_shape shape;
	struct err err;

	if (fd < 0 || bundle_of_archive(&range, true, &b, &shape, &err) < 0)
		return 0;
	for (const struct image_format *const *f = formats; *f; f++) {
		look(b, *f, NULL);
		look(b, *f, "1");
	}
	return 0;
}
