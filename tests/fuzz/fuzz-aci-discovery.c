/* SPDX-License-Identifier: Apache-2.0 */
/* A page that says where App Container Images are. */
#include "images/aci-discovery.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *labels[] = { (char[]){ "version=1" }, (char[]){ "os=linux" }, NULL };
	char *page = malloc(size + 1);
	strv urls = NULL;

	if (!page)
		return 0;
	memcpy(page, data, size);
	page[size] = '\0';
	if (aci_discovery_urls(page, "example.com/a/b", labels, "aci", &urls, NULL) ==
		0) {
		strv_each (url, urls) {
			if (!str_skip_prefix(*url, "https://"))
				abort();
		}
		strv_free(urls);
	}
	free(page);
	return 0;
}
