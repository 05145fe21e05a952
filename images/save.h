/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of the store written out again: as an archive that is an OCI layout and what `docker
 * save` writes at once, or as an OCI layout alone. Configurations, and so image ids, are the
 * original ones. Layers of pulled images are as they were pulled; those of loaded archives are
 * the very tar archives that were loaded, uncompressed. Artifacts are as they came; a docker
 * archive cannot hold them (-ENOTSUP). Every byte is checked against its digest on the way out.
 */
#ifndef UCR_IMAGES_SAVE_H
#define UCR_IMAGES_SAVE_H

#include "images/store.h"

enum save_format { SAVE_DOCKER_ARCHIVE, SAVE_OCI_ARCHIVE, SAVE_OCI_DIRECTORY };

struct save_item {
	const struct image *image;
	strv names; /* full; those it is known by in the archive */
};

/* `out_fd`: a file or pipe, or an empty directory. After a failure what is there is of no
 * use, and the caller's to remove. */
int images_save(struct store *store, const struct save_item *items, size_t count,
	enum save_format format, const struct import_userns *userns, int out_fd,
	struct err *err) __attribute__((warn_unused_result));

#endif
