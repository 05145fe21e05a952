/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moments between two steps of an import or a collection at which a kill, a full disk
 * or an I/O error would hurt most: the fail points of the store (common/fail.h), by name,
 * so that a test can go through all of them.
 */
#ifndef UCR_IMAGES_STORE_STEPS_H
#define UCR_IMAGES_STORE_STEPS_H

enum store_step {
	STEP_STAGED,	     /* the staging directory is there, ucr-unpack not started */
	STEP_LAYER_UNPACKED, /* one layer is whole in the staging directory */
	STEP_UNPACKED,	     /* all are */
	STEP_LAYER_COMMIT,   /* before a layer is renamed to its place */
	STEP_LAYERS_COMMITTED, /* after the last one */
	STEP_FILE_WRITE,       /* a blob, record or names file is empty in tmp/ */
	STEP_FILE_RENAME,      /* it is whole, not yet in its place */
	STEP_IMAGE_RECORDED,   /* the image is there, without its names */
	STEP_IMAGE_NAMED,
	STEP_SOURCE_RENAME, /* before the archive is known to be this image */
	STEP_LAYERS_FLUSH,  /* nothing is flushed yet */
	STEP_LAYER_DURABLE, /* all is flushed, one layer not yet marked so */
	STEP_GC_MARKED,	    /* records are removed, layers not yet */
	STEP_GC_MOVED,	    /* layers are in tmp/, not yet removed */
	STEP_QUARANTINE,    /* before something damaged is renamed to quarantine/ */
	STEP_QUARANTINED,   /* it is there, not flushed */
	STEP_EVICT_UNNAMED, /* an image has lost its names, not yet its record */
	STEP_EVICTED,	    /* the record is removed, not flushed */
	STEP_COUNT,
};

extern const char *const store_step_names[STEP_COUNT + 1]; /* NULL ends it */

/* 0, or the -errno of the injected failure. */
int store_step(enum store_step step) __attribute__((warn_unused_result));

#endif
