/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One directory of several layers, as overlayfs shows it: the topmost layer that has a name
 * decides, whiteouts are gone, and directories of one name are one down to the first that hides
 * what is below it. Layers are numbered from the lowest, 0.
 *
 * Nothing is mounted for it: the topmost layer may be a container's own, which its mount is
 * still writing to. What changes meanwhile is seen before or after the change.
 */
#ifndef UCR_IMAGES_MERGED_H
#define UCR_IMAGES_MERGED_H

#include "images/image.h"

#define MERGED_LAYERS_MAX (IMAGE_LAYERS_MAX + 1)

/* The layers in which a path is a directory that shows, topmost first. */
struct merged_stack {
	unsigned char layers[MERGED_LAYERS_MAX];
	size_t count;
};

struct merged_name {
	char *name;
	unsigned char layer; /* that has it */
	bool is_directory;
	struct merged_stack *stack; /* of a directory, else NULL */
};

struct merged_dir {
	int fds[MERGED_LAYERS_MAX]; /* of the directory, as stack.layers */
	struct merged_stack stack;  /* cut where a layer hides those below */
	struct merged_name *names;  /* sorted */
	size_t count;
};

#define cleanup_merged_dir cleanup_with(merged_dir_done)

/* `layer_fds`: the roots, lowest first. `path` is relative ("." is the root) and never followed
 * through a link. Cleans up after itself when it fails. */
int merged_dir_open(const int *layer_fds, const char *path,
	const struct merged_stack *stack, struct merged_dir *ret, struct err *err)
	__attribute__((warn_unused_result));
void merged_dir_done(struct merged_dir *dir);

/* Gives the descriptors up, keeps the names. */
void merged_dir_close(struct merged_dir *dir);

/* The descriptor of the directory in a layer of its stack. */
int merged_dir_fd(const struct merged_dir *dir, unsigned char layer);

#endif
