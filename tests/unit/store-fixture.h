/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and images in it as an import would make them. */
#ifndef UCR_TESTS_UNIT_STORE_FIXTURE_H
#define UCR_TESTS_UNIT_STORE_FIXTURE_H

#include "tests/unit/unit.h"

#include "images/store-private.h"

struct fixture {
	char path[32];
	int dirfd;
	struct store *store;
	struct err err;
};

int store_set_up(void **state);
int store_tear_down(void **state);

#define store_test(fn) cmocka_unit_test_setup_teardown(fn, store_set_up, store_tear_down)

/* What put_image() can be given: layers by their contents, lowest first. */
extern const char *const base_only[], *const base_and_app[];

/* Unpacked, of no image, unless it is there. */
void put_layer(struct fixture *f, const char *chain_id, uint64_t size);
/* An image whose layers have the given contents; its id depends on `label` and on them. */
void put_image(struct fixture *f, const char *label, const char *const *contents,
	int64_t imported, char ret_id[DIGEST_MAX]);
void tag(struct fixture *f, const char *id, const char *name);

void assert_found(struct fixture *f, const char *name, const char *id);
void assert_absent(struct fixture *f, const char *name);

/* One bit of a file of the store turns. */
void rot(struct fixture *f, const char *dir, const char *hex, const char *suffix);

#endif
