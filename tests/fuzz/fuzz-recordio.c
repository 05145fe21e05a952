/* SPDX-License-Identifier: Apache-2.0 */
/* A body of ATTACH_CONTAINER_INPUT, in the pieces that its first byte says. */
#include "agentd/api-stream.h"
#include "agentd/recordio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recordio_reader reader = RECORDIO_READER;
	const size_t step = size ? data[0] + 1U : 1;
	size_t taken;
	int r = 0;

	for (size_t at = 0; r >= 0 && at < size; at += taken) {
		struct api_input input = { .kind = API_INPUT_NOTHING };

		r = recordio_read(&reader, (const char *)data + at,
			size - at < step ? size - at : step, &taken, NULL);
		if (r > 0 && reader.record.len &&
			api_input_parse(
				reader.record.data, reader.record.len, &input, NULL) == 0)
			api_input_done(&input);
	}
	recordio_reader_done(&reader);
	return 0;
}
