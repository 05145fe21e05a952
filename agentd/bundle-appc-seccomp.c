/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that an App Container Image retains or removes, of those the profile
 * allows. */
#include "agentd/bundle-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_LAST 133

/* What no program can do without: to be started, to return from a signal, to end. */
static const char *const always[] = { "execve", "exit", "exit_group", "rt_sigreturn",
	"restart_syscall" };
/* And what ucr-init needs, when it stands before the program. */
static const char *const for_init[] = { "brk", "clone", "close", "fork", "getpid",
	"ioctl", "kill", "mmap", "mprotect", "prlimit64", "read", "rseq", "rt_sigaction",
	"rt_sigprocmask", "rt_sigtimedwait", "set_robust_list", "set_tid_address",
	"setpgid", "wait4", "write", "writev", "arch_prctl", "fstat", "newfstatat",
	"getrandom", "readlinkat", "gettid", "clone3" };

static const struct {
	const char *name;
	uint32_t number;
} aliases[] = {
	{ "ENOTSUP", ENOTSUP },
	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ "EWOULDBLOCK", EWOULDBLOCK },
	{ "EDEADLOCK", EDEADLOCK },
};

static int parse_errno(const char *name, uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (str_eq(aliases[i].name, name)) {
			*ret = aliases[i].number;
			return 0;
		}
	}
	for (int i = 1; i <= ERRNO_LAST; i++) {
		const char *known = strerrorname_np(i);

		if (known && str_eq(known, name)) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	return err_say(
		err, EINVAL, "the image's seccomp set: %s is no error number", name);
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(names[i], name))
			return true;
	}
	return false;
}

struct seccomp_edit {
	const struct image_appc *appc;
	bool has_init;
	const char *action;
	uint32_t errno_ret; /* 0: none */
};

static bool stays(const struct seccomp_edit *edit, const char *name)
{
	if (!edit->appc->seccomp_is_retain_set)
		return !strv_contains(edit->appc->seccomp_set, name);
	return strv_contains(edit->appc->seccomp_set, name) ||
	       is_among(always, sizeof(always) / sizeof(always[0]), name) ||
	       (edit->has_init &&
		       is_among(for_init, sizeof(for_init) / sizeof(for_init[0]), name));
}

static void drop_names(const struct seccomp_edit *edit, strv names)
{
	size_t to = 0;

	for (size_t i = 0; names && names[i]; i++) {
		if (stays(edit, names[i]))
			names[to++] = names[i];
		else
			free(names[i]);
	}
	if (names)
		names[to] = NULL;
}

/* Rules without names are no rules. */
static void drop_rules(const struct seccomp_edit *edit, struct spec_seccomp *seccomp)
{
	struct spec_syscall rest;
	size_t to = 0;

	for (size_t i = 0; i < seccomp->syscalls.count; i++) {
		struct spec_syscall *rule = &seccomp->syscalls.items[i];

		drop_names(edit, rule->names);
		if (!rule->names || !*rule->names)
			continue;
		rest = seccomp->syscalls.items[to];
		seccomp->syscalls.items[to++] = *rule;
		*rule = rest;
	}
	for (size_t i = to; i < seccomp->syscalls.count; i++) {
		struct spec_syscall *rule = &seccomp->syscalls.items[i];

		strv_free(rule->names);
		free(rule->action);
		for (size_t j = 0; j < rule->args.count; j++)
			free(rule->args.items[j].op);
		free(rule->args.items);
	}
	seccomp->syscalls.count = to;
}

static int retain(
	const struct seccomp_edit *edit, struct spec_seccomp *seccomp, struct err *err)
{
	if (str_set(&seccomp->default_action, edit->action) < 0)
		return err_oom(err);
	seccomp->has_default_errno_ret = edit->errno_ret != 0;
	seccomp->default_errno_ret = edit->errno_ret;
	return 0;
}

static int remove_set(
	const struct seccomp_edit *edit, struct spec_seccomp *seccomp, struct err *err)
{
	struct spec_syscall *rule = bundle_grow(&seccomp->syscalls);

	if (!rule || str_set(&rule->action, edit->action) < 0 ||
		strv_copy(edit->appc->seccomp_set, &rule->names) < 0)
		return err_oom(err);
	rule->has_errno_ret = edit->errno_ret != 0;
	rule->errno_ret = edit->errno_ret;
	return 0;
}

static bool has_security_option(const struct run_options *options)
{
	strv_each (text, options->security_opts) {
		if (str_skip_prefix(*text, "seccomp"))
			return true;
	}
	return false;
}

int bundle_appc_seccomp(const struct bundle_request *request,
	struct spec_seccomp *seccomp, struct err *err)
{
	const struct image_appc *appc = &request->image->config.appc;
	struct seccomp_edit edit = { .appc = appc,
		.has_init = bundle_has_init(request),
		.action = "SCMP_ACT_KILL_PROCESS" };
	int r;

	/* The one word leaves our profile as it is, and so does a person's choice. */
	if (!appc->has_seccomp || has_security_option(request->options) ||
		strv_contains(appc->seccomp_set,
			appc->seccomp_is_retain_set ? "@appc.io/all" : "@appc.io/empty"))
		return 0;
	if (!str_empty(appc->seccomp_errno)) {
		edit.action = "SCMP_ACT_ERRNO";
		r = parse_errno(appc->seccomp_errno, &edit.errno_ret, err);
		if (r < 0)
			return r;
	}
	drop_rules(&edit, seccomp);
	return appc->seccomp_is_retain_set ? retain(&edit, seccomp, err)
					   : remove_set(&edit, seccomp, err);
}
