/* SPDX-License-Identifier: Apache-2.0 */
#include "common/hash.h"

#include "common/str.h"

#include <stdint.h>

#define PREFIX "sha256:"

void hash_init(struct hash *h)
{
	sha256_init(&h->sha256);
}

void hash_update(struct hash *h, const void *data, size_t len)
{
	sha256_update(&h->sha256, len, data);
}

void hash_digest(struct hash *h, char ret[DIGEST_MAX])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[SHA256_DIGEST_SIZE];
	char *at = stpcpy(ret, PREFIX);

	sha256_digest(&h->sha256, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++) {
		*at++ = hex[raw[i] >> 4];
		*at++ = hex[raw[i] & 15];
	}
	*at = '\0';
}

void hash_of(const void *data, size_t len, char ret[DIGEST_MAX])
{
	struct hash h;

	hash_init(&h);
	hash_update(&h, data, len);
	hash_digest(&h, ret);
}

bool digest_is_valid(const char *digest)
{
	const char *hex = str_skip_prefix(digest, PREFIX);

	return hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

const char *digest_hex(const char *digest)
{
	return digest + sizeof(PREFIX) - 1;
}
