/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-whitelist.h"

#include "common/path.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int aci_whitelist(char *const *paths, strv *ret, struct err *err)
{
	size_t count = strv_len(paths);
	cleanup_strv strv list = count ? strv_new(count) : NULL;

	if (count && !list)
		return err_oom(err);
	for (size_t i = 0; i < count; i++) {
		list[i] = path_clean(paths[i]);
		if (!list[i])
			return err_oom(err);
		memmove(list[i], list[i] + 1, strlen(list[i]));
	}
	if (list)
		qsort(list, count, sizeof(*list), compare);
	*ret = take_ptr(list);
	return 0;
}

/* The first that is not before `path` + `mark`. */
static size_t lower_bound(
	char *const *list, size_t count, const char *path, const char *mark)
{
	size_t low = 0, high = count, len = strlen(path);

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

bool aci_whitelist_has(char *const *list, size_t count, const char *path, bool is_dir)
{
	size_t len = strlen(path), at;

	if (!list || !len)
		return true;
	at = lower_bound(list, count, path, "");
	if (list[at] && str_eq(list[at], path))
		return true;
	if (!is_dir)
		return false;
	at = lower_bound(list, count, path, "/");
	return list[at] && strncmp(list[at], path, len) == 0 && list[at][len] == '/';
}
