/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a reference to an image in the store. An archive or layout is read and unpacked by
 * the program ucr-unpack, which sees only the descriptors it is given; this side decides
 * what goes where, checks what it is told, and commits.
 */
#ifndef UCR_IMAGES_IMPORT_H
#define UCR_IMAGES_IMPORT_H

#include "images/registries.h"
#include "images/store.h"

/* PULL_NEWER is ucrctl's: always, and what is stored if that fails. */
enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER, PULL_NEWER };

struct platform {
	const char *os, *architecture, *variant; /* NULL: this host's */
};

/* Called from inside the import; `layer` counts from 0, `total` may be 0 for unknown. */
typedef void (*import_progress_fn)(const char *what, size_t layer, size_t layers,
	uint64_t done, uint64_t total, void *arg);

/* How registries are reached; images/registries.h and images/credentials.h say more. */
struct pull_options {
	struct registries_paths registries;
	char *const *auth_files; /* config.json and its like */
	const char *credentials; /* "USER:PASSWORD", instead of those; or NULL */
	bool is_hearsay; /* a task names the hosts: those without an entry may not be local */
};

/* What becomes of an archive of files besides its layer, where it is made an image (rather than
 * being one). */
struct import_build {
	struct image_config
		config;	     /* how to run it; what only the layers can tell is "" */
	const char *comment; /* of its history, or NULL */
	const char *name;    /* a name as written, or NULL */
};

struct import_request {
	const char *reference; /* what the person wrote */
	enum pull_policy pull;
	struct platform platform;
	const struct pull_options *pull_options; /* NULL: the defaults */
	/* What is obtained is made rather than read, by at most one of: */
	const struct import_build *build; /* the archive is files, whatever they are */
	const struct image *again;	  /* layers that this stored image has lost */
	bool takes_artifacts;		  /* else one is refused: it cannot be run */
	enum layer_form form;	     /* that the layers are needed in, and are made in */
	struct import_userns userns; /* rootless and to be imported: needed */
	import_progress_fn progress;
	void *progress_arg;
	strv *notes; /* sentences: what was left out and why */
};

/* Whether a stored image is of a platform, as far as that says something; -ENOENT. */
int image_check_platform(const struct image *image, const struct platform *want,
	struct err *err) __attribute__((warn_unused_result));

/*
 * The part of image_obtain() that needs no ucr-unpack: a stored image, or an archive that
 * was imported before and has not changed since. Like image_obtain() it leases
 * the image: no collection takes it before image_free(). IMAGE_ABSENT when it must be imported. A
 * rootless caller asks this first and makes the user namespace only then.
 */
int image_lookup(struct store *store, const struct import_request *request,
	struct image **ret, struct err *err) __attribute__((warn_unused_result));

/*
 * Resolves `reference`: an existing file or directory (optionally FILE:TAG), a forced
 * format
 * ("docker-archive:F[:TAG]", "oci:DIR[:TAG]", "oci-archive:F[:TAG]", "tar:F"), "-" for
 * standard input, an http or https URL of an archive, else a name, id or digest: in the store, or
 * else of a registry. Imports what is not there yet; PULL_ALWAYS reads an archive anew even
 * when it did not change, so that the names it holds are set again, and asks the registry
 * whether a name means another image now.
 */
int image_obtain(struct store *store, const struct import_request *request,
	struct image **ret, struct err *err) __attribute__((warn_unused_result));

/* Makes the layers that a stored image has lost again, from those that were kept as they were
 * pulled. -ENOENT when they were not kept. */
int image_unpack_again(struct store *store, const struct image *image,
	const struct import_request *request, struct err *err)
	__attribute__((warn_unused_result));

/* Writes the merged root file system of a stored image into an empty directory. */
int image_copy_out(struct store *store, const struct image *image, int dest_dirfd,
	const struct import_userns *userns, strv *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
