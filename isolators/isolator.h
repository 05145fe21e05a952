/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An isolator owns one kernel resource of a container: its namespaces, its mounts, its cgroup,
 * its system calls. It is a const table of functions; NULL means nothing to do. It keeps no
 * state of its own: everything it needs is in the struct isolation, and what must survive the
 * process is written to the container's directory by the runtime.
 *
 * Order: `prepare` runs in registry order in the parent, before any process exists; `isolate`
 * in registry order in the cloned child, which then executes the program; `cleanup` in reverse
 * order, is idempotent, and finds a container that it does not know fine. Isolators do not know
 * each other; the registry (runtime/registry.c) is the only place that lists them.
 */
#ifndef UCR_ISOLATORS_ISOLATOR_H
#define UCR_ISOLATORS_ISOLATOR_H

#include "common/err.h"
#include "common/spec.h"

#include <sys/types.h>

struct cgroup;
struct rootfs;

/* Sentences for the person, collected while a container is prepared: a capability that cannot
 * be granted, a system call name that this kernel does not know. Never fatal. */
struct notes {
	strv lines;
};

void notes_add(struct notes *notes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void notes_done(struct notes *notes);

/* What the isolators share about the one container that is being launched. */
struct isolation {
	const char *id;
	struct spec *spec;
	int bundle_dirfd;	    /* relative paths of the spec start here */
	const struct rootfs *rootfs; /* overrides spec->root.path; NULL: the spec's */
	struct notes *notes;
	bool is_rootless; /* the launcher is not privileged in the host's user namespace */
	bool has_new_userns;

	/* Filled by the isolators, in the parent. */
	struct cgroup *cgroup;	    /* NULL: none could or should be made */
	int userns_fd;		    /* -1: no user namespace to join */

	/* Filled in the child. */
	int root_fd;		    /* the container's "/", before and after pivot_root */
	int proc_dirfd;		    /* our own procfs (D3), never the container's */
	int console_fd;		    /* the pty master to hand out, or -1 */
};

struct isolator {
	const char *name;
	int (*prepare)(struct isolation *isolation, struct err *err);
	int (*isolate)(struct isolation *isolation, struct err *err);
	int (*cleanup)(struct isolation *isolation, struct err *err);
};

#endif
