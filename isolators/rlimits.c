/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/rlimits.h"

#include "isolators/namespaces.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

int rlimit_by_name(const char *name)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (str_eq(limits[i].name, name))
			return limits[i].resource;
	}
	return -1;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	const struct spec_rlimits *list = &isolation->process->rlimits;
	uint32_t seen = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct spec_rlimit *one = &list->items[i];
		int resource = rlimit_by_name(one->type);

		if (resource < 0)
			return err_say(err, EINVAL, "process.rlimits: unknown type %s",
				one->type);
		if (seen & (1U << resource))
			return err_say(err, EINVAL, "process.rlimits: %s is listed twice",
				one->type);
		if (one->soft > one->hard)
			return err_say(err, EINVAL,
				"process.rlimits: the soft %s is above the hard one",
				one->type);
		seen |= 1U << resource;
	}
	return 0;
}

static int set_failed(const struct spec_rlimit *one, struct err *err)
{
	int code = errno;

	(void)err_set(err, code, "set %s to %llu:%llu", one->type,
		(unsigned long long)one->soft, (unsigned long long)one->hard);
	if (code == EPERM)
		return err_hint(err,
			"raising a hard limit needs CAP_SYS_RESOURCE; see ulimit -H");
	return -code;
}

/* Only the host's CAP_SYS_RESOURCE raises a hard limit, which a user namespace lacks. */
static int attach(struct isolation *isolation, pid_t pid, struct err *err)
{
	const struct spec_rlimits *list = &isolation->process->rlimits;

	if (!namespaces_is_own(isolation->namespaces, CLONE_NEWUSER))
		return 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct spec_rlimit *one = &list->items[i];
		int resource = rlimit_by_name(one->type);
		struct rlimit limit;

		if (getrlimit(resource, &limit) < 0 || limit.rlim_max >= one->hard)
			continue;
		limit.rlim_max = one->hard;
		if (prlimit(pid, resource, &limit, NULL) < 0)
			return set_failed(one, err);
	}
	return 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec_rlimits *list = &isolation->process->rlimits;

	for (size_t i = 0; i < list->count; i++) {
		const struct spec_rlimit *one = &list->items[i];
		const struct rlimit limit = { .rlim_cur = one->soft,
			.rlim_max = one->hard };

		if (setrlimit(rlimit_by_name(one->type), &limit) < 0)
			return set_failed(one, err);
	}
	return 0;
}

const struct isolator rlimits_isolator = {
	.name = "rlimits",
	.prepare = prepare,
	.attach = attach,
	.isolate = isolate,
};
