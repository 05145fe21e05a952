/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An isolator owns one kernel resource of a container: its namespaces, its mounts, its
 * cgroup, its system calls. It is a const table of functions; NULL means nothing to do.
 * It keeps no state of its own: what it needs is in the struct isolation, and what must
 * survive the process is written to the container's directory by the runtime.
 *
 *   prepare   parent, registry order, before any process exists: validates, resolves,
 * opens attach    parent, registry order, the child exists and waits: what only the
 * outside may do isolate   child, registry order, single-threaded: shapes the process
 * from inside release   parent, reverse order, always: frees and closes what prepare made
 *   cleanup   reverse order when the container ends; idempotent, an unknown one is fine
 *
 * Isolators do not know each other; the registry (runtime/registry.c) is the only place
 * that lists them and decides what comes before what.
 */
#ifndef UCR_ISOLATORS_ISOLATOR_H
#define UCR_ISOLATORS_ISOLATOR_H

#include "common/err.h"
#include "common/spec.h"

#include <sys/types.h>

struct cgroup;
struct mounts;
struct namespaces;
struct rootfs;
struct secrets;

/* Sentences for the person, collected while a container is prepared: a capability that
 * cannot be granted, a system call name that this kernel does not know. Never fatal. */
struct notes {
	strv lines;
};

/* NULL notes are fine: the sentence is dropped. */
void notes_add(struct notes *notes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void notes_done(struct notes *notes);

/* What the isolators share about the one container that is being launched. */
struct isolation {
	const char *id;
	struct spec *spec;
	struct spec_process
		*process; /* what is executed: &spec->process, or an exec's own */
	const char *user; /* looked up inside, sets process->user; NULL: as it stands */
	int bundle_dirfd; /* relative paths of the spec start here */
	const struct secrets *secrets; /* NULL: none */
	const struct rootfs *rootfs;   /* overrides spec->root.path; NULL: the spec's */
	/* Detached trees for the first mounts of the spec, in its order, instead of their
	 * sources; -1: the source as it stands. Borrowed. */
	const int *mount_fds;
	size_t mount_count;
	struct notes *notes;
	bool is_rootless;  /* the launcher is not privileged in the host's user namespace
			   */
	bool create_cwd;   /* make process->cwd when the root lacks it */
	bool keep_keyring; /* the launcher's session keyring instead of a fresh one */
	bool no_pivot; /* chroot instead, where pivot_root cannot work (an initramfs) */

	/* Filled by the isolators, in the parent. Descriptors are -1 before. */
	struct cgroup *cgroup;	       /* NULL: none could or should be made */
	struct namespaces *namespaces; /* which are new, which are joined */
	struct mounts *mounts;	       /* options parsed, sources open where possible */
	bool has_new_userns;
	int userns_fd; /* with the container's id maps; by userns_for_mounts() */

	/* /proc/self/cgroup as it read before the child made its cgroup namespace; heap,
	 * or NULL when nothing asks for it. */
	char *cgroup_paths;

	/* The container's "/": a detached mount after prepare (-1 when only the child may
	 * make it), in the child the attached root, before and after it was entered. An
	 * exec opens it after joining the mount namespace. */
	int root_fd;
	int proc_dirfd; /* our own procfs (D3), never the container's; in the child */
	int console_fd; /* the pty master to hand out, or -1; in the child */
};

/* Everything zero but the descriptors, which are -1. */
#define ISOLATION_INIT                                                                   \
	{                                                                                \
		.bundle_dirfd = -1, .root_fd = -1, .proc_dirfd = -1, .console_fd = -1,   \
		.userns_fd = -1                                                          \
	}

struct isolator {
	const char *name;
	int (*prepare)(struct isolation *isolation, struct err *err);
	int (*attach)(struct isolation *isolation, pid_t pid, struct err *err);
	int (*isolate)(struct isolation *isolation, struct err *err);
	void (*release)(struct isolation *isolation);
	int (*cleanup)(struct isolation *isolation, struct err *err);
};

#endif
