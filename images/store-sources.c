/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources/KEY is a symbolic link to an image id: read by one readlink(2), made by one
 * rename. It is only an answer to "was this file imported before?"; to lose one costs an
 * import that finds all its layers. So it is not flushed.
 */
#include "images/store-private.h"
#include "images/store-steps.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>

int store_find_source(struct store *store, const char *key, char ret_id[DIGEST_MAX])
{
	char path[STORE_PATH_MAX], id[DIGEST_MAX];
	ssize_t n;

	n = readlinkat(
		store->dirfd, store_path(path, "sources", key, ""), id, sizeof(id));
	if (n < 0 || (size_t)n >= sizeof(id))
		return IMAGE_ABSENT;
	id[n] = '\0';
	if (!digest_is_valid(id))
		return IMAGE_ABSENT;
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

int store_put_source(
	struct store *store, const char *key, const char *id, struct err *err)
{
	char name[STORE_NAME_MAX], tmp[STORE_PATH_MAX], path[STORE_PATH_MAX];
	int r;

	fd_random_name("file-", name, sizeof(name));
	(void)store_path(tmp, "tmp", name, "");
	(void)store_path(path, "sources", key, "");
	if (symlinkat(id, store->dirfd, tmp) < 0)
		return err_set(err, errno, "write %s to the image store", path);
	r = store_step(STEP_SOURCE_RENAME);
	if (r == 0 && renameat(store->dirfd, tmp, store->dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(store->dirfd, tmp, 0);
		return err_set(err, -r, "write %s to the image store", path);
	}
	return 0;
}
