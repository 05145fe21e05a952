/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime as a library: a bundle in, a state out. `ucr` is its command line; the
 * engine (agentd/) calls the same functions for `ucrctl` and the agent.
 *
 * A container is a directory. Its owner opens that directory and passes `state_dirfd`;
 * the runtime keeps there `state.json` (written once, whole or not at all) and, where
 * another process shall start the container, `start.sock`, at which it waits. A
 * `config.json` that the owner put there is the configuration as it was at creation:
 * poststop hooks are read from it. A process is named by pid, start time and boot id
 * together, so that a recycled pid is never mistaken for it. Commands that change a
 * container hold a lock on its directory.
 *
 * Who calls runtime_create() becomes the parent of the container's first process: it
 * learns the exit status by waiting on `pidfd`. Nothing of the container appears in the
 * host's mount table.
 */
#ifndef UCR_RUNTIME_RUNTIME_H
#define UCR_RUNTIME_RUNTIME_H

#include "common/err.h"
#include "common/spec.h"
#include "isolators/isolator.h"
#include "isolators/rootfs.h"
#include "runtime/status.h"

#include <sys/types.h>

struct cgroup_host;

/* What a caller gives. Descriptors are borrowed; stdio of -1 means /dev/null. */
struct runtime_request {
	const char *id;
	struct spec *spec; /* edited in place by the isolators' prepare */
	int bundle_dirfd;
	const char *bundle_path; /* for state.json */
	int state_dirfd;
	const struct rootfs *rootfs;   /* NULL: spec->root.path below the bundle */
	const struct secrets *secrets; /* isolators/secrets.h; NULL: none */
	/* "name", "name:group", "uid:gid"… looked up in the container's own passwd and group; NULL:
	 * spec->process.user as it stands. HOME is set from passwd when env lacks it. */
	const char *user;
	int stdio_fds[3]; /* used when !spec->process.terminal */
	int preserve_fds; /* 3 … 3+n-1 stay open in the container */
	bool create_cwd;  /* make process.cwd when the image lacks it */
	bool is_rootless;
	bool keep_keyring; /* no session keyring of the container's own */
	bool no_pivot;	   /* chroot(2) where pivot_root(2) cannot work */
	/* Anybody may start it, through the state directory, and it outlives its creator. Otherwise
	 * the creator starts it, by runtime_start_created(), and takes it along if it dies before. */
	bool start_later, has_cgroup_leaf; /* others will be below its cgroup */
	const char *cgroup_parent;	   /* of another one's state; NULL: the spec's */
	const int *mount_fds;
	size_t mount_count; /* see struct isolation */
	struct notes *notes;
};

struct runtime_container {
	pid_t pid;
	int pidfd;
	int console_fd; /* the pty master with process.terminal, else -1 */
	int start_fd;	/* held by the creator; runtime_start_created() uses it */
	bool has_poststart_hooks, has_poststop_hooks;
	bool has_own_pid_namespace, has_cgroup_leaf;
	/* NULL: none. Kept open for runtime_delete_created(). */
	struct cgroup_host *cgroup_host;
	struct cgroup *cgroup;
};

/* Outcomes beside 0 and -errno of what creates, starts and executes: the program itself
 * is at fault. They are the exit status that it deserves; `err` is set as for -errno. */
#define RUNTIME_NO_PROGRAM 127
#define RUNTIME_NOT_EXECUTABLE 126

/* Everything up to the point where only the program's exec is missing. On failure nothing
 * is left: no process, cgroup, mount or file. */
int runtime_create(const struct runtime_request *request, struct runtime_container *ret,
	struct err *err) __attribute__((warn_unused_result));
void runtime_container_done(struct runtime_container *container);

/* Executes the program and waits until it was executed. By the creator, or with
 * `start_later` by anybody through the state directory. */
int runtime_start_created(struct runtime_container *container, int state_dirfd,
	struct err *err) __attribute__((warn_unused_result));
int runtime_start(int state_dirfd, struct err *err) __attribute__((warn_unused_result));

/* Ends what still runs (when `force`), removes the cgroup and what runtime_create() made
 * in the state directory, runs poststop hooks. Idempotent. */
int runtime_delete(int state_dirfd, bool force, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

/* The same by the creator, who has seen the end of the first process: nothing needs to be read
 * back. */
int runtime_delete_created(struct runtime_container *container, const char *id,
	int state_dirfd, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

/* A further process in a running container, as confined as its first one: `process` is
 * the spec's with what exec changes; `spec` is the container's. Same stdio and start
 * rules; the process runs when this returns. */
struct runtime_exec {
	const struct runtime_state *state;
	struct spec *spec;
	struct spec_process *process;
	const char *user;
	const char *cgroup; /* below the container's own; NULL: that one */
	int stdio_fds[3];
	int preserve_fds;
	struct notes *notes;
};
int runtime_exec(const struct runtime_exec *exec, struct runtime_container *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Call first in main() of every program that creates or enters containers: executes the
 * program again from a read-only view of itself, so that no container can overwrite it
 * through /proc/self/exe. Returns only in the protected copy. */
int runtime_protect_self(char **argv, struct err *err)
	__attribute__((warn_unused_result));

#endif
