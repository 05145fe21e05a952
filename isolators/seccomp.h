/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter of a container.
 *
 * seccomp_compile() turns the specification's rules into a BPF program, in the parent,
 * where it may allocate and explain; seccomp_install() installs it in the child, as its
 * last step before the program runs, and does nothing but system calls. libseccomp is
 * asked only for the numbers of names: its own generator takes tens of times as long to
 * compile and makes programs that the kernel takes several times as long to load.
 *
 * The verdicts are libseccomp's, with the one addition that runc has too: under a default
 * of SCMP_ACT_ERRNO a system call newer than every name in the profile fails with ENOSYS,
 * so that a C library falls back to the older call instead of giving up on EPERM.
 * Programs of an architecture that the profile does not list are killed.
 */
#ifndef UCR_ISOLATORS_SECCOMP_H
#define UCR_ISOLATORS_SECCOMP_H

#include "common/err.h"
#include "common/spec-linux.h"

#include <linux/filter.h>
#include <sys/types.h>

struct notes;

struct seccomp_filter {
	struct sock_filter *code; /* NULL: no filter */
	unsigned short count;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_*, NEW_LISTENER among them */
};

#define cleanup_seccomp_filter cleanup_with(seccomp_filter_done)

void seccomp_filter_done(struct seccomp_filter *filter);

/* True when loading the filter makes a descriptor for a supervisor (SCMP_ACT_NOTIFY). */
bool seccomp_filter_has_listener(const struct seccomp_filter *filter);

/* An absent `linux.seccomp` gives an empty filter. Names that are unknown here are
 * skipped with a note; an unknown action, operator, architecture or flag is an error. */
int seccomp_compile(const struct spec_seccomp *spec, struct notes *notes,
	struct seccomp_filter *ret, struct err *err) __attribute__((warn_unused_result));

/*
 * Installs the filter on the calling thread; it cannot be taken off again. Needs
 * no_new_privs or CAP_SYS_ADMIN in the thread's user namespace. `ret_listener_fd` (may be
 * NULL when the filter has no listener) is -1 or a close-on-exec descriptor. Makes no
 * other calls than seccomp(2), so it is usable after fork and with any number of threads.
 */
int seccomp_install(const struct seccomp_filter *filter, int *ret_listener_fd,
	struct err *err) __attribute__((warn_unused_result));

/* What a supervisor is told about the process whose calls it decides. */
struct seccomp_notice {
	const char *oci_version;
	const char *state_json; /* the container's state, as `ucr state` prints it */
	const char *metadata;	/* listenerMetadata; NULL: none */
	pid_t pid;
};

/* Connects to listenerPath and hands over the descriptor with the container process
 * state, in one message, as the specification asks. The caller keeps its own copy of the
 * descriptor. */
int seccomp_send_listener(const char *path, int listener_fd,
	const struct seccomp_notice *notice, struct err *err)
	__attribute__((warn_unused_result));

#endif
