/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every verb of ucrctl is given: the options before the verb, the engine opened when
 * first asked for, and the output, which is collected and written in one piece so that a
 * full disk is noticed and a short answer costs one system call.
 */
#ifndef UCR_UCRCTL_CTL_H
#define UCR_UCRCTL_CTL_H

#include "agentd/engine.h"
#include "common/buf.h"
#include "common/options.h"

struct backend;
struct container;

/* Exit status of failures that are ours, as docker and podman have it. */
#define CTL_EXIT_FAILED 125

/* The largest struct that a verb's options fill. */
#define CTL_OPTIONS_MAX 1024

/* Where ucr-shim and its like are, unless the program finds them itself. */
#define CTL_LIBEXEC_VARIABLE "UCR_LIBEXECDIR"

/* Flags of a verb. */
#define VERB_PROTECT 0x1U /* makes or enters containers: runs from a protected copy */

struct ctl {
	const char *root; /* --root, or NULL */
	const char *host; /* --host, or NULL */
	const char *verb; /* what is being done */
	bool wants_version;
	const struct backend *backend; /* NULL: not chosen yet */
	const char *socket_path;       /* of the agent, when it is chosen */
	struct engine *engine;
	struct buf out; /* becomes standard output */
};

extern const struct program_spec ctl_program;

void ctl_done(struct ctl *ctl);

/* This host's own engine. -ENOTSUP: an agent is spoken to, which has none to give. */
int ctl_engine(struct ctl *ctl, struct engine **ret, struct err *err)
	__attribute__((warn_unused_result));
/* The image store, and the engine that has it. */
int ctl_store(struct ctl *ctl, struct engine **ret_engine, struct store **ret,
	struct err *err) __attribute__((warn_unused_result));

/* Who does what is asked for, and the container that a verb's argument names there. */
int ctl_backend(struct ctl *ctl, const struct backend **ret, struct err *err)
	__attribute__((warn_unused_result));
int ctl_find(struct ctl *ctl, const char *reference, const struct backend **ret_backend,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* The same of this host's own engine. */
int ctl_container(struct ctl *ctl, const char *reference, struct engine **ret_engine,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* Writes the collected output and empties it. */
int ctl_flush(struct ctl *ctl, struct err *err) __attribute__((warn_unused_result));

/*
 * Runs `fn` for each argument. One that fails is reported and does not keep the others
 * from being done; the exit status then is CTL_EXIT_FAILED. A NULL error text means that
 * `fn` has said it already.
 */
typedef int (*ctl_each_fn)(
	struct ctl *ctl, const char *arg, const void *options, struct err *err);
int ctl_each(struct ctl *ctl, char *const *args, const void *options, ctl_each_fn fn);

#endif
