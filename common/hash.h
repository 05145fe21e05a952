/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and digests in the form of the OCI image specification: "sha256:" and 64
 * lower-case hexadecimal digits. A digest is checked by digest_is_valid() before it
 * touches a path.
 */
#ifndef UCR_COMMON_HASH_H
#define UCR_COMMON_HASH_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>

#define HASH_HEX_MAX 65 /* 64 digits and a NUL */
#define DIGEST_MAX 72	/* "sha256:", 64 digits and a NUL */

struct hash {
	struct sha256_ctx sha256;
};

void hash_init(struct hash *h);
void hash_update(struct hash *h, const void *data, size_t len);

/* Writes the digest and starts anew. */
void hash_digest(struct hash *h, char ret[DIGEST_MAX]);

/* The digest of one block of memory. */
void hash_of(const void *data, size_t len, char ret[DIGEST_MAX]);

/* True for "sha256:" followed by exactly 64 of [0-9a-f]. */
bool digest_is_valid(const char *digest);

/* The 64 hexadecimal digits of a valid digest. Points into it. */
const char *digest_hex(const char *digest);

#endif
