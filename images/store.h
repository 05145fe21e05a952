/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store: one directory, any number of processes at once.
 *
 *   version               the form of this directory: "1"
 *   lock                  flock()ed for the short steps that change what is visible
 *   blobs/sha256/HEX      configurations and manifests, as they came; layers of pulled images;
 *                         all of an artifact
 *   layers/HEX/fs         a layer unpacked, named by its chain id, in overlayfs's form
 *   layers/HEX.erofs/     the same layer in another form: images/layer-form.h
 *   layers/HEX/size       its bytes
 *   layers/HEX/tar        how to write its archive again (images/tar-recipe.h)
 *   layers/HEX/boot       until it is flushed: the boot of the machine it was made under
 *   images/HEX.json       an image: layers, format, manifest; or an artifact: type, blobs
 *   names.json            name -> image id
 *   listing               both once more, to be listed quickly; only an answer kept for later
 *   sources/HEX           -> image id; HEX is of an archive's device, inode, size, times
 *   quarantine/           what fsck found damaged, files and layers, until the next gc
 *   tmp/                  what is being made; each with a lock that dies with its maker
 *
 * Nothing is visible before it is whole: everything is made in tmp/ and renamed, all but
 * the layers flushed before. Those are flushed afterwards by a process that nobody waits
 * for; what a power cut took from them meanwhile is noticed and imported again. A killed
 * import leaves only a directory in tmp/ without a locker, which the
 * next import or gc removes. Two imports of one layer or one archive wait for each other
 * and unpack once.
 *
 * Locks are only ever taken in this order: a source's, the layers' from the lowest up,
 * that of layers/, `lock`.
 */
#ifndef UCR_IMAGES_STORE_H
#define UCR_IMAGES_STORE_H

#include "images/image.h"
#include "images/layer-form.h"

struct store;

/* How ucr-unpack is run for a caller without privileges: inside a user namespace whose
 * maps cover the ids that images use. */
struct import_userns {
	int userns_fd; /* -1 (not 0): the caller is privileged, none is needed */
};

/* Opens (and on first use makes, mode 0700) the store below `dirfd`. `libexec_path` is
 * the directory of ucr-unpack; NULL: this store is only read and collected. */
int store_open(int dirfd, const char *libexec_path, struct store **ret, struct err *err)
	__attribute__((warn_unused_result));
void store_free(struct store *store);

#define IMAGE_ABSENT 1

/* By name ("alpine", "alpine:3", full), id, id prefix or digest. IMAGE_ABSENT when
 * unknown; an ambiguous prefix is an error that lists the candidates. `names` is not
 * filled in. */
int store_find(struct store *store, const char *name, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));
/* All images with their names, newest first; only what a list shows is filled in: of
 * the configuration `created`, and no layers. */
int store_list(struct store *store, struct image_list *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The names of an image, sorted. */
int store_names(struct store *store, const char *id, strv *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Opens the unpacked layers, lowest first (O_PATH directories the caller closes), and
 * keeps the image from being collected while `ret_lease_fd` (or a copy in another
 * process) is open. */
int store_open_layers(struct store *store, const struct image *image,
	int ret_fds[IMAGE_LAYERS_MAX], int *ret_lease_fd, struct err *err)
	__attribute__((warn_unused_result));
/* The same in one form. */
int store_open_form(struct store *store, const struct image *image, enum layer_form form,
	int ret_fds[IMAGE_LAYERS_MAX], int *ret_lease_fd, struct err *err)
	__attribute__((warn_unused_result));

/* Gives the image one more name, which moves from the image that had it. */
int store_tag(struct store *store, const struct image *image, const char *name,
	struct err *err) __attribute__((warn_unused_result));

/*
 * As docker's rmi. By name: takes it off; the image itself goes with its last name. By
 * id: the image goes with its names; more than one name needs `force`. An image of
 * `used_ids` (those of containers), or one being launched, is refused with -EBUSY; with
 * `force` it loses its names and goes with the first gc that finds it unused.
 * `ret_removed` grows by lines to show: "Untagged: NAME", "Deleted: ID". Layers go with
 * store_gc(STORE_GC_UNREFERENCED). -ENOENT when there is no such image.
 */
int store_untag(struct store *store, const char *name, char *const *used_ids, bool force,
	strv *ret_removed, struct err *err) __attribute__((warn_unused_result));

/* The same by full id, whatever its names. -EBUSY when it is used, -ENOENT when it went
 * meanwhile: nothing is changed. */
int store_evict(struct store *store, const char *id, char *const *used_ids,
	strv *ret_removed, struct err *err) __attribute__((warn_unused_result));

struct store_gc_report {
	size_t images, layers, blobs, temporaries;
	uint64_t bytes; /* of the layers and blobs */
};

enum store_gc_scope {
	STORE_GC_UNREFERENCED, /* layers, blobs and sources of no image; what dead imports
				  left */
	STORE_GC_UNNAMED,      /* first the images without a name that nothing uses */
};

/* Never takes what `used_ids` (the images of containers) or a lease needs, nor what an
 * import beside it is making. `userns` may be NULL for a privileged caller. */
int store_gc(struct store *store, enum store_gc_scope scope,
	const struct import_userns *userns, char *const *used_ids,
	struct store_gc_report *ret, struct err *err) __attribute__((warn_unused_result));

#endif
