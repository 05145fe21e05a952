/* SPDX-License-Identifier: Apache-2.0 */
#include "images/reference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A full name is its own full name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char full[REFERENCE_NAME_MAX], again[REFERENCE_NAME_MAX];
	char *name = strndup((const char *)data, size);
	struct err err;

	if (name && reference_normalize(name, full, &err) == 0) {
		if (reference_normalize(full, again, &err) != 0 ||
			strcmp(full, again) != 0)
			abort();
		if (strchr(":@", *reference_tag_of(full)) == NULL ||
			!*reference_familiar(full))
			abort();
	}
	free(name);
	return 0;
}
