/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which isolators work: the one place that knows all of them. A row says in
 * which stages of which kind of process the isolator takes part.
 */
#ifndef UCR_RUNTIME_REGISTRY_H
#define UCR_RUNTIME_REGISTRY_H

#include "isolators/isolator.h"

enum stage {
	STAGE_EARLY = 1 << 0, /* the first process, while the launcher shapes it */
	STAGE_BUILD =
		1 << 1, /* the first process, in its cgroup and in the host's root */
	STAGE_ENTER = 1 << 2, /* the first process, from entering its root to its start */
	STAGE_JOIN = 1 << 3,  /* an exec, in the container's namespaces */
	STAGE_SETTLE = 1 << 4,	/* both, started: what still needs privileges */
	STAGE_CONFINE = 1 << 5, /* both, just before the program: giving them up */
	STAGE_HOOK = 1 << 6,	/* a startContainer hook: what it must not keep either */
};

#define STAGES_CREATE                                                                    \
	(STAGE_EARLY | STAGE_BUILD | STAGE_ENTER | STAGE_SETTLE | STAGE_CONFINE)
#define STAGES_EXEC (STAGE_JOIN | STAGE_SETTLE | STAGE_CONFINE)

/* In the launcher, for every isolator of any of the stages. */
int registry_prepare(struct isolation *isolation, unsigned int stages, struct err *err)
	__attribute__((warn_unused_result));
int registry_attach(struct isolation *isolation, unsigned int stages, pid_t pid,
	struct err *err) __attribute__((warn_unused_result));
void registry_release(struct isolation *isolation, unsigned int stages);

/* In the process itself. */
int registry_isolate(struct isolation *isolation, unsigned int stages, struct err *err)
	__attribute__((warn_unused_result));

/* When the container ends. All are asked; the first failure is returned. */
int registry_cleanup(struct isolation *isolation, struct err *err)
	__attribute__((warn_unused_result));

#endif
