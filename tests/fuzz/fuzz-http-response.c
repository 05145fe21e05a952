/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer, then what follows it, as a client reads them. */
#include "common/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes, *piece;
	struct http_head head;
	struct http_body body;
	size_t used, len;
	int r;

	while (size && http_head_parse(data, size, &head, &used, NULL) > 0) {
		data += used;
		size -= used;
		http_body_begin(&body, &head);
		for (r = 0; r == 0 && size; data += used, size -= used) {
			r = http_body_take(&body, data, size, &used, &piece, &len, NULL);
			if (r < 0)
				return 0;
			if (used > size || piece < data || piece + len > data + size)
				abort();
		}
	}
	return 0;
}
