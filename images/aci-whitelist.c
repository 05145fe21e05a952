/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-whitelist.h"

#include "common/path.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int aci_whitelist(char *const *paths, strv *ret, struct err *err)
{
	cleanup_strv strv list = NULL;

	strv_each (path, paths) {
		char *clean = path_clean(*path);

		if (clean)
			memmove(clean, clean + 1, strlen(clean));
		if (!clean || strv_take(&list, clean) < 0)
			return err_oom(err);
	}
	if (list)
		qsort(list, strv_len(list), sizeof(*list), compare);
	*ret = take_ptr(list);
	return 0;
}

/* The first that is not before `path` + `mark`. */
static size_t lower_bound(char *const *list, const char *path, const char *mark)
{
	size_t low = 0, high = strv_len(list), len = strlen(path);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strncmp(list[mid], path, len);

		if (r == 0)
			r = strcmp(list[mid] + len, mark);
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool aci_whitelist_has(char *const *list, const char *path, bool is_dir)
{
	size_t len = strlen(path), at;

	if (!list || !len)
		return true;
	at = lower_bound(list, path, "");
	if (list[at] && str_eq(list[at], path))
		return true;
	if (!is_dir)
		return false;
	at = lower_bound(list, path, "/");
	return list[at] && strncmp(list[at], path, len) == 0 && list[at][len] == '/';
}
