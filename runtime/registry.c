/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/registry.h"

#include "isolators/attributes.h"
#include "isolators/caps.h"
#include "isolators/console.h"
#include "isolators/cwd.h"
#include "isolators/dev.h"
#include "isolators/masks.h"
#include "isolators/mounts.h"
#include "isolators/namespaces.h"
#include "isolators/proc-handle.h"
#include "isolators/rlimits.h"
#include "isolators/rootfs.h"
#include "isolators/secrets.h"
#include "isolators/sysctl.h"
#include "isolators/user.h"
#include "isolators/userns.h"

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	const struct isolator *isolator;
	unsigned int stages;
} rows[] = {
	{ &userns_isolator, STAGE_EARLY },
	{ &proc_handle_isolator, STAGE_EARLY | STAGE_JOIN },
	{ &namespaces_isolator, STAGE_BUILD },
	{ &rootfs_isolator, STAGE_EARLY },
	{ &mounts_isolator, STAGE_BUILD },
	{ &dev_isolator, STAGE_BUILD },
	{ &console_isolator, STAGE_BUILD },
	{ &masks_isolator, STAGE_BUILD },
	{ &rootfs_enter_isolator, STAGE_ENTER },
	{ &console_exec_isolator, STAGE_JOIN },
	{ &user_lookup_isolator, STAGE_ENTER | STAGE_JOIN },
	{ &secrets_isolator, STAGE_ENTER },
	{ &cwd_isolator, STAGE_ENTER | STAGE_JOIN },
	{ &mounts_readonly_isolator, STAGE_ENTER },
	{ &sysctl_isolator, STAGE_ENTER },
	{ &attributes_isolator, STAGE_SETTLE },
	{ &rlimits_isolator, STAGE_SETTLE },
	{ &caps_bounding_isolator, STAGE_CONFINE | STAGE_HOOK },
	{ &user_isolator, STAGE_CONFINE },
	{ &caps_isolator, STAGE_CONFINE },
	{ &no_new_privs_isolator, STAGE_CONFINE | STAGE_HOOK },
	{ &labels_isolator, STAGE_CONFINE | STAGE_HOOK },
};

int registry_prepare(struct isolation *isolation, unsigned int stages, struct err *err)
{
	int r;

	for (size_t i = 0; i < ROWS; i++) {
		if (!(rows[i].stages & stages) || !rows[i].isolator->prepare)
			continue;
		r = rows[i].isolator->prepare(isolation, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_attach(
	struct isolation *isolation, unsigned int stages, pid_t pid, struct err *err)
{
	int r;

	for (size_t i = 0; i < ROWS; i++) {
		if (!(rows[i].stages & stages) || !rows[i].isolator->attach)
			continue;
		r = rows[i].isolator->attach(isolation, pid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_isolate(struct isolation *isolation, unsigned int stages, struct err *err)
{
	int r;

	for (size_t i = 0; i < ROWS; i++) {
		if (!(rows[i].stages & stages) || !rows[i].isolator->isolate)
			continue;
		r = rows[i].isolator->isolate(isolation, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void registry_release(struct isolation *isolation, unsigned int stages)
{
	for (size_t i = ROWS; i-- > 0;) {
		if ((rows[i].stages & stages) && rows[i].isolator->release)
			rows[i].isolator->release(isolation);
	}
}

int registry_cleanup(struct isolation *isolation, struct err *err)
{
	int first = 0, r;

	for (size_t i = ROWS; i-- > 0;) {
		if (!rows[i].isolator->cleanup)
			continue;
		r = rows[i].isolator->cleanup(isolation, first ? NULL : err);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}
