/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.json: one object, full name -> image id. In memory a vector of "NAME=ID"; a name
 * holds no '=', so that the functions for environment vectors do the looking up and
 * replacing.
 */
#include "images/store-names.h"
#include "images/store-listing.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <stdio.h>

#define NAMES_SIZE_MAX (64U << 20)

static int parse_names(const char *text, size_t len, strv *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_string_map(json_root(doc), ret, NULL, err);
	if (r < 0)
		return r;
	strv_each (pair, *ret) {
		const char *id = strchr(*pair, '=') + 1;

		if (!digest_is_valid(id))
			return err_say(err, EINVAL, "it has a name without an image id");
	}
	return 0;
}

int store_load_names(struct store *store, strv *ret, struct err *err)
{
	cleanup_strv strv names = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(store->dirfd, "names.json", NAMES_SIZE_MAX, &text, &len);
	if (r < 0 && r != -ENOENT)
		return err_set(err, -r, "read names.json of the image store");
	if (r == 0 && parse_names(text, len, &names, err) < 0)
		return err_wrap(err, "names.json of the image store is damaged");
	*ret = take_ptr(names);
	return 0;
}

/* Where names.json, as store_save_names() writes it, has an id for this name; NULL. */
static const char *find_text(const char *text, size_t len, const char *full_name)
{
	cleanup_free char *key = str_printf("\"%s\":\"", full_name);
	const char *at = key ? memmem(text, len, key, strlen(key)) : NULL;

	/* A key follows a brace or a comma; a value never does. */
	if (!at || at == text || !strchr("{,", at[-1]))
		return NULL;
	return at + strlen(key);
}

int store_find_name(struct store *store, const char *full_name, char ret_id[DIGEST_MAX],
	struct err *err)
{
	cleanup_strv strv names = NULL;
	cleanup_free char *text = NULL;
	const char *id;
	size_t len;
	int r;

	r = fd_read_file(store->dirfd, "names.json", NAMES_SIZE_MAX, &text, &len);
	id = r == 0 ? find_text(text, len, full_name) : NULL;
	if (id) {
		(void)snprintf(ret_id, DIGEST_MAX, "%.*s", (int)strcspn(id, "\""), id);
		if (digest_is_valid(ret_id))
			return 0;
	}
	/* It is not there, or the file is not as it was written: that is found out here. */
	r = store_load_names(store, &names, err);
	if (r < 0)
		return r;
	id = strv_env_get(names, full_name);
	if (!id)
		return IMAGE_ABSENT;
	(void)snprintf(ret_id, DIGEST_MAX, "%s", id);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_save_names(struct store *store, strv names, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (names)
		qsort(names, strv_len(names), sizeof(*names), compare);
	jw_string_map(&w, NULL, names);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = store_spoil_listing(store);
	if (r < 0)
		return err_set(err, -r, "remove the listing of the image store");
	return store_put(store, ".", "names.json", b.data, b.len, err);
}

int store_names_of(char *const *names, const char *id, strv *ret)
{
	cleanup_strv strv found = NULL;

	strv_each (pair, names) {
		const char *mark = strchr(*pair, '=');

		if (!str_eq(mark + 1, id))
			continue;
		if (strv_take(&found, strndup(*pair, (size_t)(mark - *pair))) < 0)
			return -ENOMEM;
	}
	*ret = take_ptr(found);
	return 0;
}

static const char *id_of(const char *pair)
{
	return strchr(pair, '=') + 1;
}

static int compare_by_id(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int r = strcmp(id_of(x), id_of(y));

	return r ? r : strcmp(x, y);
}

void store_names_sort_by_id(strv names)
{
	if (names)
		qsort(names, strv_len(names), sizeof(*names), compare_by_id);
}

/* The first pair that is not before `id`. */
static size_t find_first(char *const *names, size_t count, const char *id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(id_of(names[mid]), id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int store_names_of_sorted(char *const *names, size_t count, const char *id, strv *ret)
{
	cleanup_strv strv found = NULL;

	for (size_t i = find_first(names, count, id);
		i < count && str_eq(id_of(names[i]), id); i++) {
		size_t len = (size_t)(id_of(names[i]) - names[i] - 1);

		if (strv_take(&found, strndup(names[i], len)) < 0)
			return -ENOMEM;
	}
	*ret = take_ptr(found);
	return 0;
}

int store_names(struct store *store, const char *id, strv *ret, struct err *err)
{
	cleanup_strv strv names = NULL;
	int r;

	r = store_load_names(store, &names, err);
	if (r < 0)
		return r;
	return store_names_of(names, id, ret) < 0 ? err_oom(err) : 0;
}

int store_add_names(
	struct store *store, const char *id, char *const *added, struct err *err)
{
	cleanup_strv strv names = NULL;
	int r;

	r = store_load_names(store, &names, err);
	if (r < 0 || !added)
		return r;
	strv_each (name, added) {
		cleanup_free char *pair = str_printf("%s=%s", *name, id);

		if (!pair || strv_env_set(&names, pair) < 0)
			return err_oom(err);
	}
	return store_save_names(store, names, err);
}

int store_tag(
	struct store *store, const struct image *image, const char *name, struct err *err)
{
	cleanup_close int lock_fd = -1, lease_fd = -1;
	char full[REFERENCE_NAME_MAX];
	char *names[] = { full, NULL };
	int r;

	r = reference_normalize(name, full, err);
	if (r < 0)
		return r;
	if (reference_digest_of(full))
		return err_say(
			err, EINVAL, "%s: a name to give has a tag, not a digest", name);
	r = store_lock(store, &lock_fd, err);
	if (r == 0)
		r = store_lease(store, image->id, false, &lease_fd, err);
	if (r == IMAGE_ABSENT)
		return err_say(err, ENOENT, "image %.12s was removed meanwhile",
			digest_hex(image->id));
	return r < 0 ? r : store_add_names(store, image->id, names, err);
}

/* Takes the names of one image off the vector, or with `only` that one. */
static int drop_names(strv *names, const char *id, const char *only, strv *removed)
{
	cleanup_strv strv kept = NULL;

	strv_each (pair, *names) {
		const char *mark = strchr(*pair, '=');
		size_t len = (size_t)(mark - *pair);
		bool is_it = only ? strncmp(*pair, only, len) == 0 && !only[len]
				  : str_eq(mark + 1, id);
		int r = is_it ? strv_take(removed,
					str_printf("Untagged: %.*s", (int)len, *pair))
			      : strv_add(&kept, *pair);

		if (r < 0)
			return r;
	}
	strv_free(*names);
	*names = take_ptr(kept);
	return 0;
}

static bool has_id(char *const *ids, const char *id)
{
	strv_each (used, ids) {
		if (str_eq(*used, id))
			return true;
	}
	return false;
}

/* Locks the record for removal. 0, or -EBUSY when a container or a launch needs the
 * image. */
static int claim_image(struct store *store, const char *id, char *const *used_ids,
	int *ret_fd, struct err *err)
{
	int r;

	if (has_id(used_ids, id))
		return err_say(
			err, EBUSY, "image %.12s is used by a container", digest_hex(id));
	r = store_lease(store, id, true, ret_fd, err);
	if (r == -EWOULDBLOCK)
		return err_say(
			err, EBUSY, "image %.12s is being started", digest_hex(id));
	return r == IMAGE_ABSENT
		       ? err_say(err, ENOENT, "image %.12s was removed meanwhile",
				 digest_hex(id))
		       : r;
}

/* What store_untag() found out before it changes anything. */
struct removal {
	char id[DIGEST_MAX];
	char name[REFERENCE_NAME_MAX]; /* "": by id */
	strv names;		       /* all of the store */
	bool keeps_image; /* other names remain, or it is in use and forced */
	int claim_fd;
};

static int plan_removal(struct store *store, const char *name, char *const *used_ids,
	bool force, struct removal *plan, struct err *err)
{
	cleanup_strv strv own = NULL;
	char shown[128];
	int r;

	str_printable(name, shown, sizeof(shown));
	r = store_resolve(store, name, plan->id, plan->name, err);
	if (r == IMAGE_ABSENT)
		return err_say(err, ENOENT, "no image '%s' in the store", shown);
	if (r < 0)
		return r;
	r = store_load_names(store, &plan->names, err);
	if (r < 0)
		return r;
	if (store_names_of(plan->names, plan->id, &own) < 0)
		return err_oom(err);
	plan->keeps_image = *plan->name && strv_len(own) > 1;
	if (plan->keeps_image)
		return 0;
	if (!*plan->name && strv_len(own) > 1 && !force) {
		(void)err_say(err, EBUSY, "image %s has %zu names", shown, strv_len(own));
		return err_hint(err, "Remove it name by name, or with --force at once.");
	}
	r = claim_image(store, plan->id, used_ids, &plan->claim_fd, err);
	if (r == -EBUSY && force) {
		plan->keeps_image = true;
		return 0;
	}
	return r;
}

static int carry_out(
	struct store *store, struct removal *plan, strv *ret_removed, struct err *err)
{
	bool by_name = *plan->name && plan->keeps_image;
	int r;

	if (drop_names(&plan->names, plan->id, by_name ? plan->name : NULL, ret_removed) <
		0)
		return err_oom(err);
	r = store_save_names(store, plan->names, err);
	if (r < 0 || plan->keeps_image)
		return r;
	r = store_step(STEP_EVICT_UNNAMED);
	if (r == 0)
		r = store_remove_record(store, plan->id);
	if (r == 0)
		r = store_step(STEP_EVICTED);
	if (r < 0)
		return err_set(err, -r, "remove image %.12s from the image store",
			digest_hex(plan->id));
	if (strv_take(ret_removed, str_printf("Deleted: %s", plan->id)) < 0)
		return err_oom(err);
	return store_sync_dir(store, "images", err);
}

int store_untag(struct store *store, const char *name, char *const *used_ids, bool force,
	strv *ret_removed, struct err *err)
{
	cleanup_close int lock_fd = -1;
	struct removal plan = { .claim_fd = -1 };
	int r;

	r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	r = plan_removal(store, name, used_ids, force, &plan, err);
	if (r == 0)
		r = carry_out(store, &plan, ret_removed, err);
	strv_free(plan.names);
	if (plan.claim_fd >= 0)
		(void)close(plan.claim_fd);
	return r;
}

int store_evict(struct store *store, const char *id, char *const *used_ids,
	strv *ret_removed, struct err *err)
{
	cleanup_close int lock_fd = -1;
	struct removal plan = { .claim_fd = -1 };
	int r;

	(void)snprintf(plan.id, sizeof(plan.id), "%s", id);
	r = store_lock(store, &lock_fd, err);
	if (r == 0)
		r = store_load_names(store, &plan.names, err);
	if (r == 0)
		r = claim_image(store, id, used_ids, &plan.claim_fd, err);
	if (r == 0)
		r = carry_out(store, &plan, ret_removed, err);
	strv_free(plan.names);
	if (plan.claim_fd >= 0)
		(void)close(plan.claim_fd);
	return r;
}
