/* SPDX-License-Identifier: Apache-2.0 */
/* Detached OpenPGP signatures, by gpgv(1): a program of its own without privileges, which knows
 * no keys but those of one keyring. */
#ifndef UCR_IMAGES_SIGNATURE_H
#define UCR_IMAGES_SIGNATURE_H

#include "common/err.h"

#define SIGNATURE_MAX (64U << 10)

/* Whether `data_fd`, a regular file, is signed by `signature_fd` with a key of the keyring (as
 * `gpg --export` writes it). -EBADMSG, in words, when not. */
int signature_check(const char *keyring_path, int data_fd, int signature_fd,
	struct err *err) __attribute__((warn_unused_result));

#endif
