/* SPDX-License-Identifier: Apache-2.0 */
#include "images/helper-user.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#define PASSWD_MAX (1U << 20)
#define NOBODY 65534

/* The id in the field that *at is at; *at moves behind it. */
static bool take_id(char **at, uint32_t *ret)
{
	char *field = strsep(at, ":");

	return field && str_to_id(field, ret) == 0 && *ret != 0;
}

/* "name:password:uid:gid:…" */
static bool parse_line(char *line, struct helper_user *ret)
{
	struct helper_user user;

	if (!str_eq(strsep(&line, ":"), HELPER_USER) || !strsep(&line, ":") ||
		!take_id(&line, &user.uid) || !take_id(&line, &user.gid))
		return false;
	*ret = user;
	return true;
}

struct helper_user helper_user_find(int etc_dirfd)
{
	struct helper_user user = { NOBODY, NOBODY };
	cleanup_free char *text = NULL;
	char *rest, *line;
	size_t len;

	if (fd_read_file(etc_dirfd, "passwd", PASSWD_MAX, &text, &len) < 0)
		return user;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (parse_line(line, &user))
			break;
	}
	return user;
}
