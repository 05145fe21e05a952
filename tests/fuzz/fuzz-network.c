/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever --publish takes are ports; whatever ucr-net takes for a request is one again when it
 * is written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	cleanup_network struct network network = { 0 }, again = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct network_ports ports = { 0 };
	struct err err;

	if (text && network_publish_parse(text, &ports, &err) == 0) {
		for (size_t i = 0; i < ports.count; i++) {
			if (!ports.items[i].port)
				abort();
		}
	}
	free(ports.items);
	free(text);
	if (network_parse((const char *)data, size, &network, &err) < 0)
		return 0;
	jw_object(&w, NULL);
	network_write(&w, &network);
	jw_object_end(&w);
	if (buf_finish(&b) == 0 && (network_parse(b.data, b.len, &again, &err) < 0 ||
					   again.ports.count != network.ports.count))
		abort();
	return 0;
}
