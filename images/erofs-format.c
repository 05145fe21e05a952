/* SPDX-License-Identifier: Apache-2.0 */
#include "images/erofs-format.h"

#include <stddef.h>
#include <sys/stat.h>

_Static_assert(sizeof(struct erofs_super) == 128, "as on the disk");
_Static_assert(sizeof(struct erofs_slot) == 128, "as on the disk");
_Static_assert(sizeof(struct erofs_inode) == 64, "as on the disk");
_Static_assert(sizeof(struct erofs_chunk) == 8, "as on the disk");
_Static_assert(sizeof(struct erofs_xattrs) == 12, "as on the disk");
_Static_assert(sizeof(struct erofs_xattr) == 4, "as on the disk");
_Static_assert(sizeof(struct erofs_dirent) == 12, "as on the disk");

const struct erofs_prefix erofs_prefixes[] = {
	{ "system.posix_acl_access", 2 },
	{ "system.posix_acl_default", 3 },
	{ "user.", EROFS_XATTR_USER },
	{ "security.", EROFS_XATTR_SECURITY },
	{ NULL, 0 },
};

static const struct {
	uint32_t mode;
	uint8_t type;
} types[] = {
	{ S_IFREG, 1 },
	{ S_IFDIR, 2 },
	{ S_IFCHR, 3 },
	{ S_IFBLK, 4 },
	{ S_IFIFO, 5 },
	{ S_IFLNK, 7 },
};

uint8_t erofs_type_of(uint32_t mode)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].mode == (mode & S_IFMT))
			return types[i].type;
	}
	return 0;
}
