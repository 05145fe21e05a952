/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers need of this host, looked at one by one: a table of checks, each of
 * which says what it found and, when something is missing, what to do about it.
 */
#ifndef UCR_UCRCTL_HOST_CHECK_H
#define UCR_UCRCTL_HOST_CHECK_H

#include "agentd/engine.h"
#include "common/buf.h"

enum finding_state {
	FINDING_OK,
	FINDING_LIMITED, /* containers run, something is left out */
	FINDING_MISSING, /* containers do not run */
};

struct finding {
	const char *name;
	enum finding_state state;
	struct buf found;
	struct buf advice; /* empty: nothing to do */
};

/* Where to look; tests give folders of their own. */
struct host {
	struct engine *engine;
	int proc_dirfd, sys_dirfd, etc_dirfd;
	const char *search_path; /* $PATH */
};

struct host_check {
	const char *name;
	void (*look)(const struct host *host, struct finding *ret);
};

extern const struct host_check host_checks[]; /* ended by an empty row */

void finding_done(struct finding *finding);

#endif
