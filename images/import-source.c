/* SPDX-License-Identifier: Apache-2.0 */
#include "images/import-private.h"
#include "images/fetcher.h"

#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* How coarse a kernel's file times may be (a tick of CONFIG_HZ=100), in nanoseconds. */
#define TICK_NS 10000000LL

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What identifies the content: the file itself, or the index of a layout, whose blobs are
 * named by digest. False when nothing does. */
static bool stat_content(int fd, struct stat *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode) &&
		fstatat(fd, "index.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!S_ISREG(st.st_mode))
		return false;
	*ret = st;
	return true;
}

/* A file that changed within the last tick could change again and keep its times. */
static void let_settle(int fd)
{
	struct timespec now, wait = { .tv_nsec = TICK_NS };
	struct stat st;
	int64_t age;

	if (!stat_content(fd, &st) || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return;
	age = nanoseconds(now) - nanoseconds(st.st_ctim);
	if (age >= 0 && age < TICK_NS)
		(void)nanosleep(&wait, NULL);
}

static void add_text(struct hash *hash, const char *text)
{
	text = text ? text : "";
	hash_update(hash, text, strlen(text) + 1);
}

static void make_key(int fd, const struct reference *ref, const struct platform *platform,
	char ret[HASH_HEX_MAX])
{
	struct stat st;
	struct hash hash;
	char digest[DIGEST_MAX];
	int64_t facts[5];

	ret[0] = '\0';
	if (!stat_content(fd, &st))
		return;
	facts[0] = (int64_t)st.st_dev;
	facts[1] = (int64_t)st.st_ino;
	facts[2] = (int64_t)st.st_size;
	facts[3] = nanoseconds(st.st_mtim);
	facts[4] = nanoseconds(st.st_ctim);
	hash_init(&hash);
	hash_update(&hash, facts, sizeof(facts));
	add_text(&hash, ref->format);
	add_text(&hash, ref->tag);
	add_text(&hash, platform->os);
	add_text(&hash, platform->architecture);
	add_text(&hash, platform->variant);
	hash_digest(&hash, digest);
	memcpy(ret, digest_hex(digest), HASH_HEX_MAX);
}

int import_source_open(const struct reference *ref, const struct platform *platform,
	struct import_source *ret, struct err *err)
{
	struct import_source source = { .fd = -1, .held_fd = -1, .lock_fd = -1 };
	char shown[256];

	if (ref->kind == REFERENCE_STDIN) {
		if (isatty(STDIN_FILENO))
			return err_say(err, EINVAL,
				"standard input is a terminal: redirect an archive into it");
		source.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		source.fd = open(ref->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (source.fd < 0) {
		str_printable(
			ref->path ? ref->path : "standard input", shown, sizeof(shown));
		return err_set(err, errno, "open %s", shown);
	}
	make_key(source.fd, ref, platform, source.key);
	*ret = source;
	return 0;
}

int import_spool(const struct import *import, struct err *err)
{
	int fd = fd_unnamed(import->stage_fd, ".");

	return fd < 0 ? err_set(err, -fd, "make a temporary file in the store") : fd;
}

int import_download(const struct import *import, const struct import_download *download,
	int *ret_fd, struct err *err)
{
	const struct import_request *request = import->request;
	cleanup_close int fd = import_spool(import, err);
	const struct fetch_url_request fetch = {
		.libexec_path = import->store->libexec_path,
		.url = download->url,
		.options = request->pull_options,
		.fd = fd,
		.max_bytes = download->max_bytes,
		.progress = request->progress,
		.progress_arg = request->progress_arg,
		.notes = request->notes,
	};
	int r = fd;

	if (fd >= 0)
		r = download->aci ? fetch_aci(&fetch, download->aci, err)
				  : fetch_url(&fetch, err);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

int import_source_download(struct import *import, struct err *err)
{
	return import_download(import,
		&(struct import_download){
			.url = import->ref->path, .max_bytes = IMPORT_DOWNLOAD_MAX },
		&import->source.fd, err);
}

/* With the archive at hand, what is damaged or was removed is simply imported again. */
int import_source_find(struct store *store, const struct import_source *source,
	enum layer_form form, struct image **ret)
{
	cleanup_image struct image *image = NULL;
	char id[DIGEST_MAX];

	if (!*source->key || store_find_source(store, source->key, id) != 0 ||
		store_load_image(store, id, &image, NULL) != 0 ||
		store_hold_image(store, image, NULL) != 0 ||
		!store_has_form(store, image, form))
		return IMAGE_ABSENT;
	*ret = take_ptr(image);
	return 0;
}

static int hold_key(struct import *import, struct err *err)
{
	struct import_source *source = &import->source;
	char name[STORE_NAME_MAX];
	int r;

	(void)snprintf(name, sizeof(name), "source-%s", source->key);
	r = store_hold_name(import->store, name, false, &source->lock_fd, err);
	if (r != -EWOULDBLOCK)
		return r;
	if (import->request->progress)
		import->request->progress("waiting for another import of the same file",
			0, 0, 0, 0, import->request->progress_arg);
	return store_hold_name(import->store, name, true, &source->lock_fd, err);
}

static void release_key(struct store *store, struct import_source *source)
{
	char name[STORE_NAME_MAX];

	(void)snprintf(name, sizeof(name), "source-%s", source->key);
	store_release_name(store, name, &source->lock_fd);
}

static void make_new_key(struct import *import)
{
	make_key(import->source.fd, import->ref, &import->request->platform,
		import->source.new_key);
}

/* Who held the lock before may have made links to the file, by which it has another key. */
int import_source_lock(struct import *import, struct err *err)
{
	struct import_source *source = &import->source;
	struct stat st;
	int r;

	if (!*source->key)
		return 0;
	let_settle(source->fd);
	make_new_key(import);
	do {
		release_key(import->store, source);
		memcpy(source->key, source->new_key, sizeof(source->key));
		r = hold_key(import, err);
		make_new_key(import);
	} while (r == 0 && !str_eq(source->key, source->new_key));
	if (r == 0 && stat_content(source->fd, &st)) {
		source->size = st.st_size;
		source->changed = nanoseconds(st.st_mtim);
	}
	return r;
}

/* A link to the file, and nothing else, was made. */
static bool is_only_linked(const struct import_source *source)
{
	struct stat st;

	return stat_content(source->fd, &st) && st.st_size == source->size &&
	       nanoseconds(st.st_mtim) == source->changed;
}

int import_source_check(struct import *import, struct err *err)
{
	char shown[256];

	if (!*import->source.key)
		return 0;
	make_new_key(import);
	if (str_eq(import->source.new_key, import->source.key) ||
		(import_has_links(import) && is_only_linked(&import->source)))
		return 0;
	str_printable(import->ref->path ? import->ref->path : "standard input", shown,
		sizeof(shown));
	return err_say(err, ESTALE, "%s was changed while it was read", shown);
}

void import_source_done(struct store *store, struct import_source *source)
{
	release_key(store, source);
	if (source->fd >= 0)
		(void)close(take_fd(&source->fd));
	if (source->held_fd >= 0)
		(void)close(take_fd(&source->held_fd));
}
