/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of an App Container Image, and the configuration that is made of it. */
#include "images/aci-config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct platform platform = { "linux", "amd64", NULL };
	struct found_image image = { 0 };
	struct image_config config = { 0 };
	struct aci_manifest m = { 0 };
	struct buf out = BUF_INIT;

	if (aci_manifest_parse((const char *)data, size, &m, NULL) < 0)
		return 0;
	if (aci_config_write(&m, &image, &platform, &out, NULL) == 0) {
		if (image_config_parse(out.data, out.len, &config, NULL) < 0 &&
			out.len < IMAGE_CONFIG_MAX)
			abort();
		image_config_done(&config);
	}
	buf_done(&out);
	aci_manifest_done(&m);
	return 0;
}
