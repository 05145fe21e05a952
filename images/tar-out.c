/* SPDX-License-Identifier: Apache-2.0 */
#include "images/tar-out.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512
#define OCTAL_SIZE_MAX ((UINT64_C(1) << 33) - 1) /* eleven digits */

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type, link[100], magic[8], user[32], group[32], major[8], minor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

/* What eleven digits do not hold is written in binary, as every reader of today knows. */
static void put_size(char field[12], uint64_t size)
{
	if (size <= OCTAL_SIZE_MAX) {
		(void)snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	memset(field, 0, 12);
	field[0] = (char)0x80;
	for (int i = 11; size; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

int tar_out_begin(int fd, const char *name, uint64_t size)
{
	struct ustar h = { .type = '0',
		.magic = { 'u', 's', 't', 'a', 'r', 0, '0', '0' } };
	const unsigned char *byte = (const unsigned char *)&h;
	unsigned int sum = 0;

	if (strlen(name) > sizeof(h.name))
		return -ENAMETOOLONG;
	memcpy(h.name, name, strlen(name));
	memcpy(h.mode, "0000644", sizeof(h.mode));
	memcpy(h.uid, "0000000", sizeof(h.uid));
	memcpy(h.gid, "0000000", sizeof(h.gid));
	memcpy(h.mtime, "00000000000", sizeof(h.mtime));
	put_size(h.size, size);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += byte[i];
	(void)snprintf(h.checksum, sizeof(h.checksum) - 1, "%06o", sum);
	return fd_write_all(fd, &h, sizeof(h));
}

int tar_out_end(int fd, uint64_t size)
{
	static const char zeros[BLOCK];

	return size % BLOCK ? fd_write_all(fd, zeros, BLOCK - size % BLOCK) : 0;
}

int tar_out_finish(int fd)
{
	static const char zeros[2 * BLOCK];

	return fd_write_all(fd, zeros, sizeof(zeros));
}
