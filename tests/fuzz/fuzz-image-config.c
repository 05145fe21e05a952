/* SPDX-License-Identifier: Apache-2.0 */
#include "images/image.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_config config;
	struct err err;

	if (image_config_parse((const char *)data, size, &config, &err) == 0)
		image_config_done(&config);
	return 0;
}
