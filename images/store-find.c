/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define HEX "0123456789abcdef"
#define ID_HEX_LEN 64
#define CANDIDATES_SHOWN 5

bool store_id_of_record(const char *file, char ret[DIGEST_MAX])
{
	if (strlen(file) != ID_HEX_LEN + 5 || !str_has_suffix(file, ".json"))
		return false;
	(void)snprintf(ret, DIGEST_MAX, "sha256:%.*s", ID_HEX_LEN, file);
	return digest_is_valid(ret);
}

static bool has_record(struct store *store, const char *id)
{
	char path[STORE_PATH_MAX];

	(void)store_path(path, "images", digest_hex(id), ".json");
	return faccessat(store->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- by id prefix ---- */

struct prefix_search {
	const char *prefix;
	size_t count;
	char id[DIGEST_MAX]; /* the first found */
	struct buf shown;
};

static int match_prefix(struct store *store, const char *file, void *arg, struct err *err)
{
	struct prefix_search *search = arg;
	char id[DIGEST_MAX];

	if (!store_id_of_record(file, id) ||
		!str_skip_prefix(digest_hex(id), search->prefix))
		return 0;
	if (!search->count++)
		memcpy(search->id, id, sizeof(id));
	if (search->count <= CANDIDATES_SHOWN)
		buf_printf(&search->shown, "%s%.16s", search->count > 1 ? ", " : "",
			digest_hex(id));
	return 0;
}

static int find_by_prefix(
	struct store *store, const char *prefix, char ret_id[DIGEST_MAX], struct err *err)
{
	struct prefix_search search = { .prefix = prefix };
	int r;

	if (!*prefix || strspn(prefix, HEX) != strlen(prefix) ||
		strlen(prefix) > ID_HEX_LEN)
		return IMAGE_ABSENT;
	r = store_each(store, "images", match_prefix, &search, err);
	if (r == 0 && buf_finish(&search.shown) < 0)
		r = err_oom(err);
	if (r == 0 && search.count > 1)
		r = err_say(err, EINVAL, "'%s' is ambiguous: %zu images begin so (%s%s)",
			prefix, search.count, search.shown.data,
			search.count > CANDIDATES_SHOWN ? ", …" : "");
	buf_done(&search.shown);
	if (r < 0)
		return r;
	if (!search.count)
		return IMAGE_ABSENT;
	memcpy(ret_id, search.id, sizeof(search.id));
	return 0;
}

/* ---- by digest ---- */

struct digest_search {
	const char *digest;
	bool is_found;
	char id[DIGEST_MAX];
};

static int match_manifest(
	struct store *store, const char *file, void *arg, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct digest_search *search = arg;
	char id[DIGEST_MAX];
	int r;

	if (search->is_found || !store_id_of_record(file, id))
		return 0;
	r = store_load_record(store, id, &image, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!str_eq(image->manifest_digest, search->digest))
		return 0;
	search->is_found = true;
	memcpy(search->id, id, sizeof(id));
	return 0;
}

/* An image id, or the digest of a manifest. */
static int find_by_digest(
	struct store *store, const char *digest, char ret_id[DIGEST_MAX], struct err *err)
{
	struct digest_search search = { .digest = digest };
	int r;

	if (has_record(store, digest)) {
		(void)snprintf(ret_id, DIGEST_MAX, "%s", digest);
		return 0;
	}
	r = store_each(store, "images", match_manifest, &search, err);
	if (r < 0 || !search.is_found)
		return r < 0 ? r : IMAGE_ABSENT;
	memcpy(ret_id, search.id, sizeof(search.id));
	return 0;
}

/* ---- by name ---- */

/* `ret_name` is set when it is one of the store's names. */
static int find_by_name(struct store *store, const char *full, char ret_id[DIGEST_MAX],
	char ret_name[REFERENCE_NAME_MAX], struct err *err)
{
	int r;

	/* A pulled digest may be an index's, which no record has. */
	r = store_find_name(store, full, ret_id, err);
	if (r == IMAGE_ABSENT && reference_digest_of(full))
		return find_by_digest(store, reference_digest_of(full), ret_id, err);
	if (r == 0)
		memcpy(ret_name, full, strlen(full) + 1);
	return r;
}

int store_resolve(struct store *store, const char *name, char ret_id[DIGEST_MAX],
	char ret_name[REFERENCE_NAME_MAX], struct err *err)
{
	const char *prefix = str_skip_prefix(name, "sha256:");
	char full[REFERENCE_NAME_MAX];
	bool is_hex = strspn(name, HEX) == strlen(name);
	int r = IMAGE_ABSENT;

	ret_name[0] = '\0';
	if (digest_is_valid(name))
		return find_by_digest(store, name, ret_id, err);
	if (prefix && *prefix && strspn(prefix, HEX) == strlen(prefix))
		return find_by_prefix(store, prefix, ret_id, err);
	r = reference_normalize(name, full, err);
	if (r == 0)
		r = find_by_name(store, full, ret_id, ret_name, err);
	return r == IMAGE_ABSENT && is_hex ? find_by_prefix(store, name, ret_id, err) : r;
}

int store_find(struct store *store, const char *name, struct image **ret, struct err *err)
{
	char full[REFERENCE_NAME_MAX], id[DIGEST_MAX];
	int r;

	r = store_resolve(store, name, id, full, err);
	return r == 0 ? store_load_image(store, id, ret, err) : r;
}
