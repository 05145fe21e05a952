/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5) and group(5) of a container, read without NSS. Files and names are hostile:
 * sizes, lines and groups are bounded, malformed lines are skipped. */
#ifndef UCR_ISOLATORS_PASSWD_H
#define UCR_ISOLATORS_PASSWD_H

#include "common/err.h"
#include "common/str.h"

#include <stddef.h>
#include <stdint.h>

#define PASSWD_SIZE_MAX (1U << 20)
#define PASSWD_GROUPS_MAX 1024

struct identity {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary, heap */
	size_t group_count;
	char *home; /* heap; NULL: passwd does not say */
};

void identity_done(struct identity *identity);

/* The text of a file of the root, "" when it is absent. Never blocks on a FIFO. */
int passwd_read(int root_fd, const char *path, char **ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Resolves "user", "user:group", "uid", "uid:gid" (empty: "0"). A name that is missing is
 * an error; a number need not be listed. Without a group the gid is passwd's (0 when
 * unlisted), and the supplementary groups are those that list the user; with one there
 * are none.
 */
int passwd_resolve(const char *passwd, const char *group, const char *user,
	struct identity *ret, struct err *err) __attribute__((warn_unused_result));

/* The home of a uid, or NULL. */
char *passwd_home(const char *passwd, uint32_t uid) __attribute__((warn_unused_result));

/* The login name of a uid, or NULL. */
char *passwd_name(const char *passwd, uint32_t uid) __attribute__((warn_unused_result));

#endif
