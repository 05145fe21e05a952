/* SPDX-License-Identifier: Apache-2.0 */
#include "images/confine.h"

#include <errno.h>

static int add_names(scmp_filter_ctx filter, const char *const *names)
{
	int r = 0;

	for (const char *const *name = names; r == 0 && *name; name++) {
		int number = seccomp_syscall_resolve_name(*name);

		if (number >= 0) /* negative: not on this machine */
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return r;
}

int confine_calls(const char *const *names, confine_rules_fn add_rules, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return err_oom(err);
	r = add_names(filter, names);
	if (r == 0)
		r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? err_set(err, -r, "load the system call filter") : 0;
}
