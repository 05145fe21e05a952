/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of images: names.json, read whole, changed in memory and replaced whole under
 * `lock`.
 */
#ifndef UCR_IMAGES_STORE_NAMES_H
#define UCR_IMAGES_STORE_NAMES_H

#include "images/store-private.h"

/* All names as a vector of "NAME=ID" (a name has no '='). */
int store_load_names(struct store *store, strv *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The image of one full name. Does not read all of them, however many there are. IMAGE_ABSENT. */
int store_find_name(struct store *store, const char *full_name, char ret_id[DIGEST_MAX],
	struct err *err) __attribute__((warn_unused_result));
/* Under `lock`. */
int store_save_names(struct store *store, strv names, struct err *err)
	__attribute__((warn_unused_result));
/* The names of one image out of store_load_names(). */
int store_names_of(char *const *names, const char *id, strv *ret)
	__attribute__((warn_unused_result));

/* The same for many images: one search each instead of going through all names. `names`
 * were sorted by store_names_sort_by_id(), `count` is their number. */
void store_names_sort_by_id(strv names);
int store_names_of_sorted(char *const *names, size_t count, const char *id, strv *ret)
	__attribute__((warn_unused_result));

/* Gives an image more names. Under `lock`. */
int store_add_names(struct store *store, const char *id, char *const *added,
	struct err *err) __attribute__((warn_unused_result));

#endif
