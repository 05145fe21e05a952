/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of the process that have no namespace: how it is scheduled, what the
 * kernel's OOM killer and security modules think of it, which keyring it starts with, and
 * the state that would otherwise leak in from the launcher (signals, CPU affinity).
 */
#ifndef UCR_ISOLATORS_ATTRIBUTES_H
#define UCR_ISOLATORS_ATTRIBUTES_H

#include "isolators/isolator.h"

/* Default actions, an empty mask. First of all in the child. */
void attributes_reset_signals(void);

/* A CPU list ("0-3,8") as execCPUAffinity has it, for the calling process; NULL: all
 * CPUs. */
int attributes_set_affinity(const char *cpus, struct err *err)
	__attribute__((warn_unused_result));

/* prepare: checks names and numbers. isolate: session keyring, oom_score_adj, scheduler,
 * I/O priority, memory policy, personality, CPU affinity. Still privileged: before user.
 */
extern const struct isolator attributes_isolator;

/* isolate: no_new_privs. After user, before a seccomp filter that relies on it. */
extern const struct isolator no_new_privs_isolator;

/* isolate: AppArmor profile and SELinux label for the next exec. Close to the end, so
 * that no hook runs under them. */
extern const struct isolator labels_isolator;

#endif
