/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a helper is run as that leaves root: a user of its own, where the host has one, since
 * nobody may be shared with other programs; else nobody. Read without NSS, for a static program.
 */
#ifndef UCR_IMAGES_HELPER_USER_H
#define UCR_IMAGES_HELPER_USER_H

#include <stdint.h>

#define HELPER_USER "ucr"

struct helper_user {
	uint32_t uid, gid;
};

/* `etc_dirfd` holds passwd. An entry for root, or one that cannot be read, is none. */
struct helper_user helper_user_find(int etc_dirfd);

#endif
