/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5), group(5) and a user, parted by NUL bytes. */
#include "common/cleanup.h"
#include "isolators/passwd.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_with(identity_done) struct identity identity = { 0 };
	cleanup_free char *text = calloc(1, size + 3);
	const char *group, *user;
	struct err err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	group = text + strlen(text) + 1;
	group = group > text + size ? text + size : group;
	user = group + strlen(group) + 1;
	user = user > text + size ? text + size : user;
	if (passwd_resolve(text, group, user, &identity, &err) < 0)
		return 0;
	return 0;
}
