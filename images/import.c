/* SPDX-License-Identifier: Apache-2.0 */
#include "images/import-aci.h"
#include "images/import-artifact.h"
#include "images/import-private.h"
#include "images/pull.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/url.h"

#include <errno.h>
#include <fcntl.h>

/* ---- what is stored already ---- */

int image_check_platform(
	const struct image *image, const struct platform *want, struct err *err)
{
	const struct image_config *is = &image->config;

	if ((!want->os || str_eq(want->os, is->os)) &&
		(!want->architecture || str_eq(want->architecture, is->architecture)) &&
		(!want->variant || !is->variant || str_eq(want->variant, is->variant)))
		return 0;
	return err_say(err, ENOENT, "image %.12s is for %s/%s%s%s, not for %s/%s%s%s",
		digest_hex(image->id), is->os, is->architecture, is->variant ? "/" : "",
		is->variant ? is->variant : "", want->os ? want->os : is->os,
		want->architecture ? want->architecture : is->architecture,
		want->variant ? "/" : "", want->variant ? want->variant : "");
}

/* An id is of this store alone. */
static bool can_pull(const struct reference *ref)
{
	char full[REFERENCE_NAME_MAX];

	if (ref->kind == REFERENCE_ACI)
		return true;
	return !digest_is_valid(ref->name) && !str_skip_prefix(ref->name, "sha256:") &&
	       reference_normalize(ref->name, full, NULL) == 0 && pull_is_possible(full);
}

static int find_stored(struct store *store, const struct import_request *request,
	const struct reference *ref, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	char shown[256];
	int r;

	str_printable(ref->name, shown, sizeof(shown));
	if (request->pull == PULL_ALWAYS && can_pull(ref))
		return IMAGE_ABSENT;
	r = store_find(store, ref->name, &image, err);
	if (r == 0 && ref->kind == REFERENCE_ACI && !str_eq(image->format, ref->format))
		r = IMAGE_ABSENT;
	if (r == 0)
		r = store_hold_image(store, image, err);
	if (r == IMAGE_ABSENT && request->pull != PULL_NEVER && can_pull(ref))
		return IMAGE_ABSENT;
	if (r == IMAGE_ABSENT) {
		(void)err_say(
			err, ENOENT, "no file and no stored image is called '%s'", shown);
		return err_hint(err,
			"`ucrctl images` lists the stored ones; `ucrctl load -i FILE` adds an archive.");
	}
	if (r < 0)
		return r;
	*ret = take_ptr(image);
	return 0;
}

static int find_imported(struct store *store, const struct import_request *request,
	const struct reference *ref, struct image **ret, struct err *err)
{
	struct import_source source;
	int r;

	if (ref->kind != REFERENCE_PATH || request->pull == PULL_ALWAYS)
		return IMAGE_ABSENT;
	r = import_source_open(ref, &request->platform, &source, err);
	if (r < 0)
		return r;
	r = import_source_find(store, &source, request->form, ret);
	import_source_done(store, &source);
	return r;
}

static int find_any(struct store *store, const struct import_request *request,
	const struct reference *ref, struct image **ret, struct err *err)
{
	char shown[256];
	int r;

	if (ref->kind == REFERENCE_STORE || ref->kind == REFERENCE_ACI)
		return find_stored(store, request, ref, ret, err);
	r = find_imported(store, request, ref, ret, err);
	if (r != IMAGE_ABSENT || request->pull != PULL_NEVER)
		return r;
	(void)url_shown(request->reference, shown, sizeof(shown));
	return err_say(err, ENOENT,
		"%s was not imported before, and nothing may be imported (--pull never)",
		shown);
}

static const char *const form_words[] = {
	[LAYER_FORM_DIRECTORY] = "unpacked directories",
	[LAYER_FORM_EROFS] = "EROFS images",
};

/* Its archive is not at hand. */
static int check_form(struct store *store, const struct import_request *request,
	const struct image *image, struct err *err)
{
	if (request->form == LAYER_FORM_ANY ||
		store_has_form(store, image, request->form))
		return 0;
	(void)err_say(err, ENOENT, "image %.12s is not stored as %s",
		digest_hex(image->id), form_words[request->form]);
	return err_hint(err,
		"Run its archive once by the same --rootfs-backend, or pull it so with --pull always.");
}

static int check_image(
	const struct image *image, const struct import_request *request, struct err *err)
{
	char shown[256];

	if (!image->artifact_type)
		return image_check_platform(image, &request->platform, err);
	if (request->takes_artifacts)
		return 0;
	(void)artifact_refuse(image->artifact_type, err);
	return err_wrap(err, "%s", url_shown(request->reference, shown, sizeof(shown)));
}

/* Only an index offers a choice of platforms; the image of any other source is as it is. */
static int lookup(struct store *store, const struct import_request *request,
	const struct reference *ref, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	int r = find_any(store, request, ref, &image, err);

	if (r == 0)
		r = check_image(image, request, err);
	if (r == 0)
		r = check_form(store, request, image, err);
	if (r == 0)
		*ret = take_ptr(image);
	return r;
}

int image_lookup(struct store *store, const struct import_request *request,
	struct image **ret, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	int r;

	r = reference_parse(request->reference, AT_FDCWD, &ref, err);
	return r == 0 ? lookup(store, request, &ref, ret, err) : r;
}

/* ---- an import ---- */

static void import_done(struct import *import)
{
	/* First the process that might still write. */
	helper_stop(&import->unpacker);
	import_release_layers(import);
	import_artifact_free(import);
	pull_free(import);
	if (import->stage_fd >= 0) {
		(void)!store_remove_tree(import->store, &import->request->userns,
			import->stage_name, NULL);
		(void)close(import->stage_fd);
	}
	if (import->lease_fd >= 0)
		(void)close(import->lease_fd);
	import_source_done(import->store, &import->source);
	image_config_done(&import->image_config);
	free(import->format);
	strv_free(import->names);
	free(import->config.data);
	free(import->manifest.data);
}

static int check_rights(const struct import_userns *userns, struct err *err)
{
	if (geteuid() == 0 || userns->userns_fd >= 0)
		return 0;
	(void)err_say(err, EPERM,
		"unpacking an image as an ordinary user needs a user namespace");
	return err_hint(err,
		"Give the user ranges in /etc/subuid and /etc/subgid and install "
		"newuidmap (Debian: uidmap).");
}

/* A place for what is made, and what is to be read. */
static int stage(struct import *import, struct err *err)
{
	size_t swept = 0;
	int r;

	r = store_sweep(import->store, &import->request->userns, &swept, err);
	if (r == 0)
		r = store_stage(import->store, "import-", import->stage_name,
			&import->stage_fd, err);
	if (r == 0 && store_step(STEP_STAGED) < 0)
		r = err_set(err, EIO, "stage the import");
	if (r == 0 && import->pull)
		r = pull_stage(import, err);
	if (r == 0 && import->ref->kind == REFERENCE_URL)
		r = import_source_download(import, err);
	if (r == 0 && import->ref->kind == REFERENCE_ACI)
		r = import_aci_download(import, err);
	if (r == 0 && import->ref->kind == REFERENCE_PATH)
		r = import_aci_hold(import, err);
	return r;
}

static int unpack_and_commit(struct import *import, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	int r;

	r = stage(import, err);
	if (r == 0 && import->pull && import->artifact)
		r = import_artifact_pull(import, err);
	else if (r == 0)
		r = import_talk(import, err);
	if (r == 0 && import->artifact) {
		/* They have the files open: what is checked must stay so. */
		helper_stop(&import->unpacker);
		pull_stop(import);
		r = import_artifact_check(import, err);
	}
	if (r == 0)
		r = import_commit(import, err);
	if (r == 0)
		r = store_load_image(import->store, import_id(import), &image, err);
	if (r == IMAGE_ABSENT)
		r = err_say(err, ENOENT, "the image was removed meanwhile");
	if (r < 0)
		return r;
	image->lease_fd = take_fd(&import->lease_fd);
	image->names = take_ptr(import->names);
	*ret = take_ptr(image);
	return 0;
}

/* An archive that was imported already. IMAGE_ABSENT: there is work to be done. */
static int open_archive(struct import *import, struct image **ret, struct err *err)
{
	int r;

	r = import_source_open(
		import->ref, &import->request->platform, &import->source, err);
	if (r == 0)
		r = import_source_lock(import, err);
	if (r < 0)
		return r;
	/* Who held the lock before may have done the work. */
	return import->request->pull == PULL_ALWAYS
		       ? IMAGE_ABSENT
		       : import_source_find(import->store, &import->source,
				 import->request->form, ret);
}

/* A name of a registry, perhaps of an image that is stored by another name. */
static int open_pull(struct import *import, struct image **ret, struct err *err)
{
	char full[REFERENCE_NAME_MAX];
	int r;

	r = reference_normalize(import->ref->name, full, err);
	if (r == 0)
		r = pull_lock(import, full, err);
	if (r < 0)
		return r;
	r = IMAGE_ABSENT;
	if (import->request->pull != PULL_ALWAYS)
		r = store_find(import->store, import->ref->name, ret, err);
	if (r == 0)
		r = store_hold_image(import->store, *ret, err);
	if (r == IMAGE_ABSENT) {
		image_free(take_ptr(*ret));
		r = pull_begin(import, err);
		if (r == 0)
			r = pull_find(import, ret, err);
	}
	return r;
}

static int open_any(struct import *import, struct image **ret, struct err *err)
{
	int r;

	if (import->request->again) {
		r = pull_open_again(import, err);
		return r < 0 ? r : IMAGE_ABSENT;
	}
	if (import->ref->kind == REFERENCE_STORE)
		return open_pull(import, ret, err);
	if (import->ref->kind == REFERENCE_URL || import->ref->kind == REFERENCE_ACI)
		return IMAGE_ABSENT;
	return open_archive(import, ret, err);
}

static int run_import(struct store *store, const struct import_request *request,
	const struct reference *ref, struct image **ret, struct err *err)
{
	struct import *import;
	char shown[256];
	int r;

	r = check_rights(&request->userns, err);
	if (r < 0)
		return r;
	import = calloc(1, sizeof(*import));
	if (!import)
		return err_oom(err);
	import->store = store;
	import->request = request;
	import->ref = ref;
	import->stage_fd = import->lease_fd = import->blobs_fd = -1;
	import->unpacker.socket_fd = -1;
	import->source.fd = import->source.held_fd = import->source.lock_fd = -1;
	r = open_any(import, ret, err);
	if (r == IMAGE_ABSENT)
		r = unpack_and_commit(import, ret, err);
	import_done(import);
	free(import);
	store_flush_later(store, true);
	if (r == 0)
		return 0;
	/* A source that may not be read is no matter of the store. */
	if (r != -EACCES)
		(void)store_hint(err);
	if (request->again)
		return r;
	if (ref->kind == REFERENCE_STORE)
		(void)err_wrap(err, "%s",
			request->pull == PULL_ALWAYS
				? "cannot be pulled"
				: "no file and no stored image is called so, and it cannot be pulled");
	(void)url_shown(request->reference, shown, sizeof(shown));
	return err_wrap(err, "%s", shown);
}

int image_obtain(struct store *store, const struct import_request *request,
	struct image **ret, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	cleanup_image struct image *image = NULL;
	int r;

	r = reference_parse(request->reference, AT_FDCWD, &ref, err);
	if (r == 0)
		r = lookup(store, request, &ref, ret, err);
	if (r != IMAGE_ABSENT)
		return r;
	r = run_import(store, request, &ref, &image, err);
	if (r == 0)
		r = check_image(image, request, err);
	if (r == 0)
		*ret = take_ptr(image);
	return r;
}

int image_unpack_again(struct store *store, const struct image *image,
	const struct import_request *request, struct err *err)
{
	struct import_request again = *request;
	cleanup_image struct image *made = NULL;
	struct reference ref = { .kind = REFERENCE_STORE };

	again.again = image;
	again.reference = image->id;
	return run_import(store, &again, &ref, &made, err);
}

/* ---- copying out ---- */

/* The destination and the layers, as ucr-unpack gets them. */
struct copy {
	int fds[1 + IMAGE_LAYERS_MAX];
	size_t count;
	int lease_fd;
};

static void copy_done(struct copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		(void)close(copy->fds[i]);
	if (copy->lease_fd >= 0)
		(void)close(copy->lease_fd);
}

static int copy_open(struct store *store, const struct image *image, int dest_dirfd,
	const struct import_userns *userns, struct copy *copy, struct err *err)
{
	int layers[IMAGE_LAYERS_MAX];
	int r;

	r = unpacker_directory(dest_dirfd, ".", userns, false, &copy->fds[0], err);
	if (r < 0)
		return r;
	copy->count = 1;
	r = store_open_layers(store, image, layers, &copy->lease_fd, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < image->layer_count; i++) {
		if (r == 0)
			r = unpacker_directory(layers[i], ".", userns, true,
				&copy->fds[copy->count], err);
		if (r == 0)
			copy->count++;
		(void)close(layers[i]);
	}
	return r;
}

static int copy_run(struct store *store, const struct copy *copy,
	const struct import_request *request, struct err *err)
{
	cleanup_helper struct helper unpacker = HELPER_NONE;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct ipc_msg msg;
	int r;

	r = unpacker_start(store->libexec_path, &request->userns, &unpacker, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "copy");
	jw_bool(&w, "is_rootless", request->userns.userns_fd >= 0);
	jw_object_end(&w);
	r = helper_send(&unpacker, UNPACK_REQUEST, &b, copy->fds, copy->count, err);
	if (r == 0)
		r = unpacker_wait(&unpacker, &msg, err);
	return r == 0 ? import_take_notes(request, &msg, err) : r;
}

int image_copy_out(struct store *store, const struct image *image, int dest_dirfd,
	const struct import_userns *userns, strv *notes, struct err *err)
{
	struct import_request request = { .userns.userns_fd = -1, .notes = notes };
	struct copy copy = { .lease_fd = -1 };
	int r;

	if (userns)
		request.userns = *userns;
	r = check_rights(&request.userns, err);
	if (r == 0)
		r = copy_open(store, image, dest_dirfd, &request.userns, &copy, err);
	if (r == 0)
		r = copy_run(store, &copy, &request, err);
	copy_done(&copy);
	return r;
}
