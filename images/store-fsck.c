/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs are read without a lock, because there may be many gigabytes of them: a file of
 * the store never changes, it is only replaced or removed. Under `lock` it is made sure
 * that the file that was read is the one that moves. Then, all under `lock`, records and
 * names are compared with what is left.
 */
#include "images/store-fsck-private.h"

#include "common/fd.h"
#include "images/store-listing.h"
#include "images/store-names.h"
#include "images/store-steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define READ_SIZE (256U << 10)
#define RECORD_SUFFIX ".json"

int fsck_find(struct fsck *fsck, struct err *err, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || strv_take(&fsck->report->findings, text) < 0)
		return err_oom(err);
	return 0;
}

/* Flushed on both sides: what was found damaged never comes back. */
int fsck_quarantine(
	struct store *store, const char *dir, const char *name, struct err *err)
{
	char path[STORE_PATH_MAX], to[2 * STORE_PATH_MAX], suffix[STORE_NAME_MAX];
	int r;

	if (mkdirat(store->dirfd, "quarantine", 0700) < 0 && errno != EEXIST) {
		(void)err_set(err, errno, "make quarantine of the image store");
		return store_hint(err);
	}
	(void)store_path(path, dir, name, "");
	fd_random_name("-", suffix, sizeof(suffix));
	(void)snprintf(to, sizeof(to), "quarantine/%s%s", name, suffix);
	r = store_spoil_listing(store);
	if (r == 0)
		r = store_step(STEP_QUARANTINE);
	if (r == 0 && renameat(store->dirfd, path, store->dirfd, to) < 0)
		r = -errno;
	if (r == 0)
		r = store_step(STEP_QUARANTINED);
	if (r < 0)
		return err_set(err, -r, "move %s of the image store to quarantine", path);
	return store_sync_dir(store, dir, err);
}

bool fsck_is_used(const struct fsck *fsck, const char *id)
{
	strv_each (used, fsck->request->used_ids) {
		if (str_eq(*used, id))
			return true;
	}
	return false;
}

/* Takes the names over. */
static int add_broken(struct fsck *fsck, const char *id, const char *manifest,
	bool has_record, struct err *err)
{
	struct store_fsck_report *report = fsck->report;
	struct store_broken *grown;
	cleanup_strv strv names = NULL;

	if (store_names_of(fsck->names, id, &names) < 0)
		return err_oom(err);
	grown = reallocarray(report->broken, report->broken_count + 1, sizeof(*grown));
	if (!grown)
		return err_oom(err);
	report->broken = grown;
	grown += report->broken_count++;
	*grown = (struct store_broken){ .has_record = has_record,
		.names = take_ptr(names) };
	(void)snprintf(grown->id, sizeof(grown->id), "%s", id);
	(void)snprintf(grown->manifest, sizeof(grown->manifest), "%s", manifest);
	return 0;
}

/* ---- blobs ---- */

static int hash_file(int fd, char ret[DIGEST_MAX], uint64_t *ret_bytes)
{
	cleanup_free char *block = malloc(READ_SIZE);
	struct hash h;
	ssize_t n;

	if (!block)
		return -ENOMEM;
	hash_init(&h);
	for (;;) {
		n = read(fd, block, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		hash_update(&h, block, (size_t)n);
		*ret_bytes += (uint64_t)n;
	}
	if (n < 0)
		return -errno;
	hash_digest(&h, ret);
	return 0;
}

/* The file that `fd` is, unless somebody replaced or removed it meanwhile. */
static int take_away_blob(struct store *store, struct fsck *fsck, const char *name,
	int fd, const char *what, struct err *err)
{
	cleanup_close int lock_fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	if (!store_is_in_place(store, store_path(path, "blobs/sha256", name, ""), fd))
		return 0;
	r = fsck_quarantine(store, "blobs/sha256", name, err);
	return r < 0 ? r
		     : fsck_find(fsck, err, "blob %s is damaged: %s; moved to quarantine",
			       name, what);
}

static int check_blob(struct store *store, const char *name, void *arg, struct err *err)
{
	char path[STORE_PATH_MAX], want[DIGEST_MAX], actual[DIGEST_MAX], what[128];
	cleanup_close int fd = -1;
	struct fsck *fsck = arg;
	int r;

	if (strlen(name) != HASH_HEX_MAX - 1)
		return fsck_find(
			fsck, err, "blobs/sha256/%s is not a file of the store", name);
	(void)store_path(path, "blobs/sha256", name, "");
	fd = openat(store->dirfd, path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open %s", path);
	fsck->report->blobs++;
	r = hash_file(fd, actual, &fsck->report->bytes);
	(void)snprintf(want, sizeof(want), "sha256:%.64s", name);
	if (r == 0 && str_eq(actual, want))
		return 0;
	if (r == -ENOMEM)
		return err_oom(err);
	if (r < 0)
		(void)snprintf(what, sizeof(what), "it cannot be read: %s", strerror(-r));
	else
		(void)snprintf(what, sizeof(what), "its digest is %s", actual);
	return take_away_blob(store, fsck, name, fd, what, err);
}

/* ---- records ---- */

/* A record that is no good: out of the way, unless it protects layers in use. */
static int take_away_record(struct store *store, struct fsck *fsck, const char *file,
	const char *id, const struct err *why, struct err *err)
{
	cleanup_image struct image *record = NULL;
	cleanup_close int lease_fd = -1;
	const char *manifest = "";
	int r;

	r = fsck_is_used(fsck, id) ? -EWOULDBLOCK
				   : store_lease(store, id, true, &lease_fd, err);
	if (r == IMAGE_ABSENT)
		return 0;
	/* It may be the configuration alone that is lost. */
	if (store_load_record(store, id, &record, NULL) == 0)
		manifest = record->manifest_digest;
	if (r == -EWOULDBLOCK)
		return fsck_find(fsck, err,
			"image %.12s is damaged: %s; it stays while a container uses it",
			digest_hex(id), why->text);
	if (r == 0)
		r = fsck_quarantine(store, "images", file, err);
	if (r == 0)
		r = add_broken(fsck, id, manifest, false, err);
	return r < 0 ? r
		     : fsck_find(fsck, err,
			       "image %.12s is damaged: %s; moved to quarantine, load "
			       "or pull it again",
			       digest_hex(id), why->text);
}

static bool has_blob(struct store *store, const char *digest)
{
	char path[STORE_PATH_MAX];

	(void)store_path(path, "blobs/sha256", digest_hex(digest), "");
	return faccessat(store->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What the image can run without, or makes anew by itself. That a compressed layer is not
 * here is no damage: it never was when the unpacked layer came from another image. */
static int check_parts(struct store *store, struct fsck *fsck, const struct image *image,
	struct err *err)
{
	const char *shown = digest_hex(image->id);
	int r = 0;

	if (*image->manifest_digest && !has_blob(store, image->manifest_digest))
		r = fsck_find(fsck, err,
			"image %.12s has lost its manifest %s: it is saved with another",
			shown, image->manifest_digest);
	if (r == 0 && !store_has_layers(store, image))
		r = fsck_find(fsck, err, "%s %.12s has lost %s: load or pull it again",
			image->artifact_type ? "artifact" : "image", shown,
			image->artifact_type ? "a blob" : "an unpacked layer");
	if (r == 0 && !store_has_layers(store, image))
		r = add_broken(fsck, image->id, image->manifest_digest, true, err);
	return r;
}

static int check_record(struct store *store, const char *file, void *arg, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct fsck *fsck = arg;
	struct err why = { 0 };
	char id[DIGEST_MAX];
	int r;

	if (!store_id_of_record(file, id))
		return fsck_find(
			fsck, err, "images/%.80s is not a file of the store", file);
	fsck->report->images++;
	r = store_load_image(store, id, &image, &why);
	if (r == -ENOMEM)
		return err_oom(err);
	if (r < 0)
		return take_away_record(store, fsck, file, id, &why, err);
	return r == 0 ? check_parts(store, fsck, image, err) : 0;
}

/* ---- names ---- */

static int keep_known_names(
	struct store *store, struct fsck *fsck, strv names, struct err *err)
{
	cleanup_strv strv kept = NULL;
	char path[STORE_PATH_MAX];
	int r = 0;

	strv_each (pair, names) {
		const char *id = strchr(*pair, '=') + 1;

		fsck->report->names++;
		(void)store_path(path, "images", digest_hex(id), RECORD_SUFFIX);
		if (faccessat(store->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = strv_add(&kept, *pair) < 0 ? err_oom(err) : 0;
		else
			r = fsck_find(fsck, err, "the name %.*s is of no image: removed",
				(int)(id - *pair - 1), *pair);
		if (r < 0)
			return r;
	}
	return strv_len(kept) == strv_len(names) ? 0 : store_save_names(store, kept, err);
}

static int check_names(struct store *store, struct fsck *fsck, struct err *err)
{
	cleanup_strv strv names = NULL;
	struct err why = { 0 };
	int r;

	r = store_load_names(store, &names, &why);
	if (r == -ENOMEM)
		return err_oom(err);
	if (r == 0)
		return keep_known_names(store, fsck, names, err);
	r = fsck_quarantine(store, ".", "names.json", err);
	return r < 0 ? r
		     : fsck_find(fsck, err,
			       "%s; moved to quarantine, the images are known by "
			       "their ids alone",
			       why.text);
}

int store_fsck(struct store *store, const struct store_fsck_request *request,
	struct store_fsck_report *ret, struct err *err)
{
	struct fsck fsck = { .request = request, .report = ret };
	cleanup_close int lock_fd = -1;
	int r;

	r = store_each(store, "blobs/sha256", check_blob, &fsck, err);
	if (r == 0)
		r = fsck_layers(store, &fsck, err);
	if (r == 0)
		r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	/* For what is said of images; what is wrong with it comes last. */
	(void)!store_load_names(store, &fsck.names, NULL);
	r = store_each(store, "images", check_record, &fsck, err);
	if (r == 0)
		r = check_names(store, &fsck, err);
	strv_free(fsck.names);
	return r;
}

void store_fsck_report_done(struct store_fsck_report *report)
{
	strv_free(report->findings);
	for (size_t i = 0; i < report->broken_count; i++)
		strv_free(report->broken[i].names);
	free(report->broken);
}
