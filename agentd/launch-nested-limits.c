/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-nested-private.h"

#include "agentd/bundle-private.h"
#include "agentd/container-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/caps.h"
#include "isolators/rlimits.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

/* ---- capabilities ---- */

static bool was_asked_for(char *const *cap_add, const char *name)
{
	strv_each (asked, cap_add) {
		if (caps_same(*asked, name))
			return true;
	}
	return false;
}

static int keep_caps(const struct launch_nested *nested, strv *caps, struct err *err)
{
	char *const *parent = nested->spec->process.capabilities.bounding;
	cleanup_strv strv kept = NULL;

	strv_each (name, *caps) {
		if (!strv_contains(parent, *name)) {
			if (was_asked_for(nested->options.cap_add, *name))
				return err_say(err, EACCES,
					"%s: the container that this one is in does not have it",
					*name);
			continue;
		}
		if (strv_add(&kept, *name) < 0)
			return err_oom(err);
	}
	strv_free(*caps);
	*caps = take_ptr(kept);
	return 0;
}

static int restrict_caps(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	struct spec_capabilities *caps = &spec->process.capabilities;
	strv *const sets[] = { &caps->bounding, &caps->effective, &caps->inheritable,
		&caps->permitted, &caps->ambient };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sets) / sizeof(sets[0]); i++)
		r = keep_caps(nested, sets[i], err);
	return r;
}

/* ---- system calls ---- */

#define swap(a, b)                                                                       \
	do {                                                                             \
		__typeof__(a) swapped_ = (a);                                            \
		(a) = (b);                                                               \
		(b) = swapped_;                                                          \
	} while (0)

/* The parent's filter, whatever the own would be: a list that allows what that one does not cannot
 * be told from one that does not by looking. */
static int restrict_calls(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	strv_each (option, nested->options.security_opts) {
		if (!str_skip_prefix(*option, "no-new-privileges"))
			return err_say(err, EACCES,
				"--security-opt %s: system calls are filtered as in the "
				"container that this one is in",
				*option);
	}
	swap(spec->linux_.seccomp, nested->spec->linux_.seccomp);
	return 0;
}

/* Whatever else a program of the parent may not do by its labels. */
static int take_labels(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	const struct spec *from = nested->spec;

	if (str_set(&spec->process.apparmor_profile, from->process.apparmor_profile) <
			0 ||
		str_set(&spec->process.selinux_label, from->process.selinux_label) < 0 ||
		str_set(&spec->linux_.mount_label, from->linux_.mount_label) < 0)
		return err_oom(err);
	return 0;
}

/* A program of an image that belongs to another user and says so would be that user. */
static int restrict_privileges(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	bool may_gain = !spec->process.no_new_privileges;

	if (may_gain && nested->user)
		return err_say(err, EACCES,
			"--no-new-privileges=false: the container has to be user %s, as "
			"the one that it is in",
			nested->user);
	if (may_gain && nested->spec->process.no_new_privileges)
		return err_say(err, EACCES,
			"--no-new-privileges=false: the container that this one is in may "
			"not gain privileges either");
	return 0;
}

/* ---- limits ---- */

static int refuse_limit(const char *option, struct err *err)
{
	(void)err_say(
		err, EACCES, "%s: more than a container that this one is in has", option);
	return err_hint(err, "ask for less, or for nothing: then its limit holds for all "
			     "in it together");
}

/* Millionths of a processor. */
static uint64_t cpu_of(const struct spec_cpu *cpu)
{
	if (!cpu->quota.is_set || cpu->quota.value <= 0 || !cpu->period.is_set ||
		!cpu->period.value)
		return UINT64_MAX;
	return (uint64_t)cpu->quota.value * 1000000 / cpu->period.value;
}

static uint64_t value_of(const struct spec_i64 *limit)
{
	return limit->is_set && limit->value >= 0 ? (uint64_t)limit->value : UINT64_MAX;
}

static int check_limits(
	struct spec_resources *own, const struct spec_resources *above, struct err *err)
{
	uint64_t pids = value_of(&above->pids_limit);

	if (own->memory.limit.is_set &&
		value_of(&own->memory.limit) > value_of(&above->memory.limit))
		return refuse_limit("--memory", err);
	if (own->memory.swap.is_set &&
		value_of(&own->memory.swap) > value_of(&above->memory.swap))
		return refuse_limit("--memory-swap", err);
	if (own->cpu.quota.is_set && cpu_of(&own->cpu) > cpu_of(&above->cpu))
		return refuse_limit("--cpus", err);
	if (value_of(&own->pids_limit) > pids && pids != UINT64_MAX)
		own->pids_limit.value = (int64_t)pids;
	return 0;
}

static int check_limits_of(struct engine *engine, const char *id,
	struct spec_resources *own, struct err *err)
{
	cleanup_close int dirfd = container_open(engine, id);
	cleanup_spec struct spec *above = NULL;
	int r = dirfd < 0 ? err_set(err, -dirfd, "open container %.*s",
				    CONTAINER_SHORT_ID, id)
			  : container_spec(dirfd, &above, err);

	return r < 0 ? r : check_limits(own, &above->linux_.resources, err);
}

static int restrict_limits(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	int r = 0;

	strv_each (id, nested->parents) {
		if (r == 0)
			r = check_limits_of(
				nested->engine, *id, &spec->linux_.resources, err);
	}
	return r;
}

static const struct spec_rlimit *find_rlimit(
	const struct spec_rlimits *limits, const char *type)
{
	for (size_t i = 0; i < limits->count; i++) {
		if (str_eq(limits->items[i].type, type))
			return &limits->items[i];
	}
	return NULL;
}

/* Those that the parent's specification does not name it inherited. */
static int check_inherited(
	const struct launch_nested *nested, const struct spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->process.rlimits.count; i++) {
		const struct spec_rlimit *own = &spec->process.rlimits.items[i];
		int resource = rlimit_by_name(own->type);
		struct rlimit limit;

		if (resource < 0 ||
			find_rlimit(&nested->spec->process.rlimits, own->type))
			continue;
		if (prlimit(nested->state.pid, resource, NULL, &limit) < 0)
			return err_set(err, errno,
				"look at the limits of the container that this one is in");
		if (own->hard > limit.rlim_max)
			return refuse_limit("--ulimit", err);
	}
	return 0;
}

/* What a process has open, how many there are of its user: by limits that processes inherit. */
static int restrict_rlimits(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	struct spec_rlimits *own = &spec->process.rlimits;
	const struct spec_rlimits *above = &nested->spec->process.rlimits;
	int r = check_inherited(nested, spec, err);

	for (size_t i = 0; r == 0 && i < above->count; i++) {
		const struct spec_rlimit *limit = &above->items[i];
		const struct spec_rlimit *asked = find_rlimit(own, limit->type);
		struct spec_rlimit *mine;

		if (asked && asked->hard > limit->hard)
			return refuse_limit("--ulimit", err);
		if (asked)
			continue;
		mine = bundle_grow(own);
		if (!mine || str_set(&mine->type, limit->type) < 0)
			return err_oom(err);
		mine->soft = limit->soft;
		mine->hard = limit->hard;
	}
	return r;
}

/* ---- devices ---- */

static int add_device(const struct spec_device *from, struct spec_linux *lin)
{
	struct spec_device *device = bundle_grow(&lin->devices);
	struct spec_device_rule *rule = bundle_grow(&lin->resources.devices);

	if (!device || !rule)
		return -ENOMEM;
	*device = *from;
	device->path = device->type = NULL;
	rule->allow = true;
	rule->major = (struct spec_i64){ true, from->major };
	rule->minor = (struct spec_i64){ true, from->minor };
	return str_set(&device->path, from->path) < 0 ||
			       str_set(&device->type, from->type) < 0 ||
			       str_set(&rule->type, from->type) < 0 ||
			       str_set(&rule->access, "rwm") < 0
		       ? -ENOMEM
		       : 0;
}

static int give_devices(
	const struct launch_nested *nested, struct spec *spec, struct err *err)
{
	const struct spec_devices *above = &nested->spec->linux_.devices;

	strv_each (path, nested->devices) {
		size_t i = 0;

		while (i < above->count && !str_eq(above->items[i].path, *path))
			i++;
		if (i == above->count)
			return err_say(err, EACCES,
				"--device %s: the container that this one is in has no such "
				"device",
				*path);
		if (add_device(&above->items[i], &spec->linux_) < 0)
			return err_oom(err);
	}
	return 0;
}

/* ---- kernel parameters ---- */

static int check_sysctls(const struct launch_nested *nested, struct err *err)
{
	strv_each (text, nested->options.sysctls) {
		if (nested->shares_network && str_skip_prefix(*text, "net"))
			return err_say(err, EACCES,
				"--sysctl %s: the network is that of the container that this "
				"one is in",
				*text);
	}
	return 0;
}

int launch_nested_restrict(
	struct launch_nested *nested, struct spec *spec, struct err *err)
{
	int r = restrict_caps(nested, spec, err);

	if (r == 0)
		r = restrict_calls(nested, spec, err);
	if (r == 0)
		r = take_labels(nested, spec, err);
	if (r == 0)
		r = restrict_privileges(nested, spec, err);
	if (r == 0)
		r = restrict_limits(nested, spec, err);
	if (r == 0)
		r = restrict_rlimits(nested, spec, err);
	if (r == 0)
		r = give_devices(nested, spec, err);
	return r == 0 ? check_sysctls(nested, err) : r;
}
