/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/sysctl.h"

#include "common/cleanup.h"
#include "isolators/namespaces.h"
#include "isolators/proc-handle.h"

#include <errno.h>
#include <sched.h>

/* Names, and with a trailing '/' all below. Everything else is the host's (D12). */
static const struct {
	const char *path;
	uint64_t flag;
} allowed[] = {
	{ "kernel/msgmax", CLONE_NEWIPC },
	{ "kernel/msgmnb", CLONE_NEWIPC },
	{ "kernel/msgmni", CLONE_NEWIPC },
	{ "kernel/msg_next_id", CLONE_NEWIPC },
	{ "kernel/sem", CLONE_NEWIPC },
	{ "kernel/sem_next_id", CLONE_NEWIPC },
	{ "kernel/shmall", CLONE_NEWIPC },
	{ "kernel/shmmax", CLONE_NEWIPC },
	{ "kernel/shmmni", CLONE_NEWIPC },
	{ "kernel/shm_next_id", CLONE_NEWIPC },
	{ "kernel/shm_rmid_forced", CLONE_NEWIPC },
	{ "fs/mqueue/", CLONE_NEWIPC },
	{ "kernel/domainname", CLONE_NEWUTS },
	{ "kernel/hostname", CLONE_NEWUTS },
	{ "net/", CLONE_NEWNET },
	{ "user/", CLONE_NEWUSER },
};

#define ALLOWED_COUNT (sizeof(allowed) / sizeof(allowed[0]))

/* sysctl(8): the first separator decides, "net.ipv4.conf.eth0/1.forwarding" is
 * net/ipv4/conf/eth0.1/forwarding. Empty parts, "." and ".." are refused. */
static bool to_path(const char *name, char *path)
{
	char separator = name[strcspn(name, "./")];
	size_t part = 0;

	for (const char *at = name;; at++) {
		char c = *at;

		if (c == separator || !c) {
			if (part == 0)
				return false;
			*path++ = c ? '/' : '\0';
			part = 0;
		} else {
			c = c == '/' ? '.' : c;
			if (c == '.' && part == 0)
				return false;
			*path++ = c;
			part++;
		}
		if (!*at)
			return true;
	}
}

static uint64_t namespace_of(const char *path)
{
	for (size_t i = 0; i < ALLOWED_COUNT; i++) {
		const char *rest = str_skip_prefix(path, allowed[i].path);
		bool is_folder = str_has_suffix(allowed[i].path, "/");

		if (rest && (is_folder ? *rest : !*rest))
			return allowed[i].flag;
	}
	return 0;
}

uint64_t sysctl_namespace(const char *name, char **ret_path)
{
	cleanup_free char *path = malloc(strlen(name) + 1);
	uint64_t flag;

	if (!path || !*name || !to_path(name, path))
		return 0;
	flag = namespace_of(path);
	if (flag && ret_path)
		*ret_path = take_ptr(path);
	return flag;
}

/* Splits "name=value"; the name is the caller's to free. */
static char *split(const char *assignment, const char **ret_value)
{
	size_t len = strcspn(assignment, "=");

	*ret_value = assignment[len] ? assignment + len + 1 : "";
	return strndup(assignment, len);
}

/* What hostname and domainname of the specification already say. */
static bool is_contradiction(const struct spec *spec, const char *path)
{
	return (str_eq(path, "kernel/hostname") && !str_empty(spec->hostname)) ||
	       (str_eq(path, "kernel/domainname") && !str_empty(spec->domainname));
}

static int check(
	const struct isolation *isolation, const char *assignment, struct err *err)
{
	cleanup_free char *name = NULL, *path = NULL;
	const char *value;
	uint64_t flag;

	name = split(assignment, &value);
	if (!name)
		return err_oom(err);
	flag = sysctl_namespace(name, &path);
	if (!flag)
		return err_say(err, EPERM,
			"linux.sysctl: %s is not a parameter of a namespace", name);
	if (!namespaces_is_own(isolation->namespaces, flag))
		return err_say(err, EPERM,
			"linux.sysctl: %s would change the host: the container has no %s "
			"namespace of its own",
			name, namespace_type_by_flag(flag)->name);
	if (is_contradiction(isolation->spec, path))
		return err_say(err, EINVAL,
			"linux.sysctl: %s is already set by the specification", name);
	return 0;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	int r;

	strv_each (s, isolation->spec->linux_.sysctl) {
		r = check(isolation, *s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_one(int proc_dirfd, const char *assignment, struct err *err)
{
	cleanup_free char *name = NULL, *path = NULL, *below_proc = NULL;
	const char *value;
	int r;

	name = split(assignment, &value);
	if (!name || !sysctl_namespace(name, &path))
		return err_oom(err);
	below_proc = str_printf("sys/%s", path);
	if (!below_proc)
		return err_oom(err);
	r = proc_handle_write(proc_dirfd, below_proc, value);
	if (r == -ENOENT)
		return err_say(err, ENOENT,
			"linux.sysctl: this kernel has no parameter %s", name);
	return r < 0 ? err_set(err, -r, "linux.sysctl: set %s to %s", name, value) : 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	int r;

	strv_each (s, isolation->spec->linux_.sysctl) {
		r = write_one(isolation->proc_dirfd, *s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct isolator sysctl_isolator = {
	.name = "sysctl",
	.prepare = prepare,
	.isolate = isolate,
};
