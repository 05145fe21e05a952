/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as it was asked for (container.json) and as it is now: folded from what the
 * runtime wrote (state.json), what the shim wrote (exit), what clean-up wrote (usage),
 * and the kernel. Loading one only reads; container_refresh() folds again.
 *
 * A container that ended but was not cleaned up (its shim or the host died) is finished
 * by whoever meets it next: every operation here that changes one does it first, locked.
 */
#ifndef UCR_AGENTD_CONTAINER_H
#define UCR_AGENTD_CONTAINER_H

#include "agentd/engine.h"
#include "agentd/id-range.h"
#include "isolators/cgroup.h"

enum container_status {
	CONTAINER_CREATED,  /* made to be started later: agentd/container-asked.h */
	CONTAINER_CREATING, /* being launched */
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_EXITED, /* the exit status is known */
	CONTAINER_LOST,	  /* ended without a witness: no shim, or no host */
};
const char *container_status_name(enum container_status status);
int container_status_parse(const char *name, enum container_status *ret); /* or -EINVAL */

/* What the exit file and the final usage say. Times are nanoseconds since the epoch. */
struct container_end {
	int exit_status; /* as a shell counts: 128 + signal; -1 when unknown */
	int signal;	 /* that ended the first process, 0: none */
	int64_t finished;
	bool is_oom_killed; /* its first process */
	uint64_t oom_kills; /* of any process; UINT64_MAX: unknown, as all that follow */
	uint64_t memory_limit_bytes, memory_peak_bytes;
};

struct container {
	char *id;	/* 64 hexadecimal digits */
	char *name;	/* NULL: none */
	char *image;	/* what the person wrote */
	char *image_id; /* "sha256:…" */
	char *user; /* as written; NULL: root. Fixed: of all that its siblings execute, too */
	strv command; /* the resolved argument vector */
	strv labels;  /* "key=value": the image's, overridden by the request's */
	strv parents; /* the ids of those it is nested in, outermost first; NULL: none */
	int64_t created, started; /* started: 0 before */
	char *stop_signal;	  /* "SIGTERM" */
	uint64_t stop_timeout_ms;
	bool is_auto_removed, has_terminal, has_stdin, has_nesting, is_session,
		has_fixed_user;
	struct id_range ids; /* of its user namespace; count 0: the host's, or a user's */
	enum container_status status;
	pid_t pid;		  /* 0 once it is gone */
	struct container_end end; /* when EXITED or LOST */
	bool needs_cleanup;
	int dirfd;     /* -1: another engine has it, see agentd/container-wire.h */
	char *network; /* what network.json says, where there is no dirfd; NULL: nothing */
};

bool container_is_live(const struct container *container); /* not ended */
#define CONTAINER_SHORT_ID 12
#define cleanup_container cleanup_with(container_free_ptr)
void container_free(struct container *container);
static inline void container_free_ptr(struct container **container)
{
	container_free(*container);
}

/* By name, id, or an unambiguous prefix of an id. -ENOENT when there is none; an
 * ambiguous prefix is an error (-ENOTUNIQ) that lists the candidates. Exactly: by name or
 * whole id, so that what it costs does not depend on the others. */
int container_find(struct engine *engine, const char *reference, struct container **ret,
	struct err *err) __attribute__((warn_unused_result));
int container_find_exactly(struct engine *engine, const char *reference,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));
struct container_list {
	struct container **items;
	size_t count;
};
#define cleanup_container_list cleanup_with(container_list_done)
/* Newest first. */
int container_list(struct engine *engine, struct container_list *ret, struct err *err)
	__attribute__((warn_unused_result));
void container_list_done(struct container_list *list);

/* Folds again. -ENOENT when it was removed. */
int container_refresh(struct container *container, struct err *err)
	__attribute__((warn_unused_result));

/* To stop one takes two steps, for several side by side. The first sends its stop signal and
 * says when its grace period (negative: its own) is over. The second waits until then, kills
 * what is left in the cgroup, and returns once it has ended and was cleaned up. */
int container_ask_to_stop(struct engine *engine, struct container *container,
	int64_t grace_ms, int64_t *ret_deadline_ms, struct err *err)
	__attribute__((warn_unused_result));
int container_stop(struct engine *engine, struct container *container,
	int64_t deadline_ms, struct err *err) __attribute__((warn_unused_result));
int64_t container_now_ms(void); /* what deadlines are counted by */

/* A signal to the first process; SIGKILL ends the whole cgroup. -ESRCH: not running. */
int container_kill(struct engine *engine, struct container *container, int signal,
	struct err *err) __attribute__((warn_unused_result));

/* Blocks until it has ended, at most `timeout_ms` (negative: for ever; -ETIMEDOUT), and
 * leaves the outcome in container->end. An auto-removed one may be gone when this
 * returns. */
int container_wait(struct engine *engine, struct container *container, int64_t timeout_ms,
	struct err *err) __attribute__((warn_unused_result));

/* Removes an ended container and all its files; a running one is -EBUSY unless `force`. */
int container_remove(struct engine *engine, struct container *container, bool force,
	struct err *err) __attribute__((warn_unused_result));

/* Finishes an ended container: final usage, runtime_delete, events; with auto-removal the
 * rest. Idempotent; does nothing while it runs. Fills container->end. */
int container_cleanup(struct engine *engine, struct container *container, struct err *err)
	__attribute__((warn_unused_result));

#endif
