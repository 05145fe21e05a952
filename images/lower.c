/* SPDX-License-Identifier: Apache-2.0 */
#include "images/lower.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "images/unpack-limits.h"
#include "images/unpack-proto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

enum found { FOUND, NOT_HERE, HIDDEN };

bool is_opaque(int dirfd)
{
	char value = 0;

	return fgetxattr(dirfd, UNPACK_OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

static int open_dir(int dirfd, const char *name)
{
	return path_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
}

/* The next component of *path, NUL-terminated in `name`. */
static void next_part(const char **path, char name[256])
{
	size_t len = strcspn(*path, "/");

	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	*path += **path == '/';
}

/* Looks for the path in one layer; *stop once nothing further down can show through. */
static enum found find_in_layer(
	int layer_fd, const char *path, struct stat *ret, bool *stop)
{
	cleanup_close int fd = open_dir(layer_fd, ".");
	char name[256];
	int next;

	if (fd < 0 || fstat(fd, ret) < 0)
		return HIDDEN;
	while (*path) {
		next_part(&path, name);
		if (fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
			return *stop ? HIDDEN : NOT_HERE;
		if (is_whiteout(ret))
			return HIDDEN;
		if (!S_ISDIR(ret->st_mode))
			return *path ? HIDDEN : FOUND;
		next = open_dir(fd, name);
		if (next < 0)
			return HIDDEN;
		(void)close(fd);
		fd = next;
		*stop = *stop || is_opaque(fd);
	}
	return FOUND;
}

int lower_find(const struct lower *lower, const char *path, struct lower_file *ret,
	struct err *err)
{
	const char *part = path;
	char show[SHOWN_MAX];

	for (size_t len; *part; part += len + (part[len] == '/')) {
		len = strcspn(part, "/");
		if (len > 255)
			return err_say(err, ENAMETOOLONG, "%s has too long a name",
				shown(path, show));
	}
	for (size_t i = lower->count; i-- > 0;) {
		bool stop = false;
		enum found found = find_in_layer(lower->fds[i], path, &ret->st, &stop);

		ret->layer_fd = lower->fds[i];
		if (found == FOUND)
			return 0;
		if (found == HIDDEN)
			break;
	}
	return LOWER_ABSENT;
}
