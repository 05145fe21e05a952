/* SPDX-License-Identifier: Apache-2.0 */
/* A store and an importer whose ucr-unpack is tests/unit/fake-unpack.c, which does what its
 * source file says. */
#ifndef UCR_TESTS_UNIT_IMPORT_FIXTURE_H
#define UCR_TESTS_UNIT_IMPORT_FIXTURE_H

#include "tests/unit/unit.h"

#include "images/import.h"

struct fixture {
	char path[32];
	char archive[64], log[64], libexec[64];
	int dirfd, store_dirfd;
	int userns_fd;
	struct store *store;
	struct err err;
};

int import_set_up(void **state);
/* The same with a user namespace, where one is to be had. */
int import_set_up_userns(void **state);
int import_tear_down(void **state);

#define import_test(fn)                                                                  \
	cmocka_unit_test_setup_teardown(fn, import_set_up, import_tear_down)

/* Without rights to clone mounts an import needs a user namespace, and may not get one. */
void need_rights(struct fixture *f);
/* Until the process that an import leaves behind has ended. */
void wait_for_flush(struct fixture *f);

/* What the archive has fake-unpack do. */
void script(struct fixture *f, const char *text);
int obtain(struct fixture *f, enum pull_policy pull, struct image **ret);
/* How many layers were unpacked so far. */
size_t count_unpacked(struct fixture *f);

/* The image's layers have these contents, and nothing unfinished lies about. */
void assert_whole(
	struct fixture *f, const struct image *image, const char *const *contents);
extern const char *const two_layers[];

#endif
