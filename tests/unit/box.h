/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container without the runtime: the isolators of this folder in their order, in a cloned
 * child, and then a function that looks around inside instead of a program.
 */
#ifndef UCR_TESTS_UNIT_BOX_H
#define UCR_TESTS_UNIT_BOX_H

#include "isolators/isolator.h"
#include "isolators/rootfs.h"

/* Runs inside, fully confined. 0, or an error that says what is not as it should be. */
typedef int (*box_fn)(const struct isolation *isolation, struct err *err);

struct box {
	const char *config; /* config.json */
	int bundle_dirfd;
	const struct rootfs *rootfs;
	const char *user;
	bool create_cwd;
	uid_t launcher; /* not 0: launched by this user, without privileges */
	box_fn look;
};

/* 0, or the error of whichever step failed, inside or outside. */
int box_run(const struct box *box, struct err *err) __attribute__((warn_unused_result));

/* True when this process may make every namespace. */
bool box_is_possible(void);

#endif
