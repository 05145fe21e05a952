/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what was read is written, read again, and written the same. */
#include "common/spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_spec(struct buf *b, const struct spec *spec)
{
	struct json_writer w = JSON_WRITER(b);

	spec_write(&w, NULL, spec);
	if (buf_finish(b) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_spec struct spec *first = NULL, *second = NULL;
	cleanup_buf struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err err = { 0 };

	if (spec_parse((const char *)data, size, &first, &err) < 0)
		return 0;
	write_spec(&once, first);
	if (spec_parse(once.data, once.len, &second, &err) < 0)
		abort();
	write_spec(&twice, second);
	if (strcmp(once.data, twice.data) != 0)
		abort();
	return 0;
}
