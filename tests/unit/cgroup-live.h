/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests with the kernel's own cgroups, in whichever version this host has them, and again by
 * its v1 hierarchies alone. Skipped where the caller may not make cgroups.
 */
#ifndef UCR_TESTS_CGROUP_LIVE_H
#define UCR_TESTS_CGROUP_LIVE_H

#include "tests/unit/unit.h"

#include "common/err.h"
#include "isolators/cgroup.h"

#define MIB (1024 * 1024)

struct fixture {
	char dir[32];
	struct cgroup_host *host;
	struct cgroup *cgroup;
	char *path;
	volatile uint64_t *counter; /* shared with children */
	pid_t pid;
};

typedef int (*child_fn)(struct fixture *f);

int live_setup(void **state);
int live_setup_v1(void **state); /* as if there were no v2 tree */
/* Ends and removes all, and checks that it is gone. */
int live_teardown(void **state);

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, live_teardown)
/* clang-format off */
#define LIVE_V1(test) { #test "_v1", test, live_setup_v1, live_teardown, NULL }
/* clang-format on */

/* Fails the test with the words of err. */
void live_check(int r, const struct err *err);

void live_create(struct fixture *f, const struct spec_resources *resources);
void live_set(struct fixture *f, const struct spec_resources *resources);
struct cgroup_usage live_usage_of(struct fixture *f);

/* The living; pids.current counts zombies, too, until somebody reaps them. */
size_t live_inside(struct fixture *f);
/* What killed children left behind comes to us: see live_main(). */
void live_reap_orphans(void);

/* Starts `fn` inside; it begins once it is in every hierarchy. Its exit status is fn's. */
void live_start(struct fixture *f, child_fn fn);
int live_finish(struct fixture *f);
int live_run(struct fixture *f, child_fn fn);

/* Children's work: forks until it fails or to 20, and tells how many; counts. */
int live_count_forks(struct fixture *f);
int live_count_for_ever(struct fixture *f);

/* To be called first: orphans are ours to reap. */
void live_main(void);

#endif
