/* SPDX-License-Identifier: Apache-2.0 */
/* The header in which a registry says whom it wants to see. */
#include "images/www-authenticate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_challenge challenge = { 0 };
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (www_authenticate_parse(text, &challenge, NULL) == 0) {
		if (challenge.scheme == AUTH_BEARER && !challenge.realm)
			abort();
		auth_challenge_done(&challenge);
	}
	free(text);
	return 0;
}
