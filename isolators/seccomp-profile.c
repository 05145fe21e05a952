/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp-profile.h"

#include "common/json.h"
#include "common/spec-fields.h"
#include "isolators/seccomp-words.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

/* The bytes of contrib/seccomp/default.json, separated by commas. */
static const char default_text[] = {
#include "isolators/seccomp-default.inc"
};

struct conditions {
	strv arches, caps;
	char *min_kernel;
};

struct profile_call {
	struct spec_syscall call;
	char *name; /* the older form of `names` */
	struct conditions includes, excludes;
};

struct profile_arch {
	char *architecture;
	strv sub_architectures;
};

struct profile {
	struct spec_seccomp spec; /* without its system calls */
	struct {
		struct profile_arch *items;
		size_t count;
	} arch_map;
	struct {
		struct profile_call *items;
		size_t count;
	} calls;
};

static const struct json_field conditions_fields[] = {
	{ "arches", json_strv, offsetof(struct conditions, arches) },
	{ "caps", json_strv, offsetof(struct conditions, caps) },
	{ "minKernel", json_string, offsetof(struct conditions, min_kernel) },
	{ 0 },
};

static const struct json_array_of args_array = { sizeof(struct spec_seccomp_arg),
	spec_seccomp_arg_fields, NULL };

#define CALL(key, decode, member, arg)                                                   \
	{                                                                                \
		key, decode, offsetof(struct profile_call, member), false, arg           \
	}

static const struct json_field call_fields[] = {
	CALL("names", json_strv, call.names, NULL),
	CALL("name", json_string, name, NULL),
	{ "action", json_string, offsetof(struct profile_call, call.action), true },
	CALL("errnoRet", spec_read_flagged, call.errno_ret,
		SPEC_FLAGGED(struct spec_syscall, errno_ret, json_u32)),
	CALL("args", json_array, call.args, &args_array),
	CALL("includes", json_object, includes, conditions_fields),
	CALL("excludes", json_object, excludes, conditions_fields),
	{ 0 },
};

static const struct json_array_of calls_array = { sizeof(struct profile_call),
	call_fields, NULL };

static const struct json_field arch_fields[] = {
	{ "architecture", json_string, offsetof(struct profile_arch, architecture),
		true },
	{ "subArchitectures", json_strv,
		offsetof(struct profile_arch, sub_architectures) },
	{ 0 },
};

static const struct json_array_of arch_map_array = { sizeof(struct profile_arch),
	arch_fields, NULL };

#define PROFILE(key, decode, member, arg)                                                \
	{                                                                                \
		key, decode, offsetof(struct profile, member), false, arg                \
	}

static const struct json_field profile_fields[] = {
	{ "defaultAction", json_string, offsetof(struct profile, spec.default_action),
		true },
	PROFILE("defaultErrnoRet", spec_read_flagged, spec.default_errno_ret,
		SPEC_FLAGGED(struct spec_seccomp, default_errno_ret, json_u32)),
	PROFILE("architectures", json_strv, spec.architectures, NULL),
	PROFILE("flags", json_strv, spec.flags, NULL),
	PROFILE("listenerPath", json_string, spec.listener_path, NULL),
	PROFILE("listenerMetadata", json_string, spec.listener_metadata, NULL),
	PROFILE("archMap", json_array, arch_map, &arch_map_array),
	PROFILE("syscalls", json_array, calls, &calls_array),
	{ 0 },
};

static void profile_done(struct profile *profile)
{
	json_release(profile_fields, profile);
	seccomp_profile_done(&profile->spec);
}

void seccomp_profile_done(struct spec_seccomp *spec)
{
	json_release(spec_seccomp_fields, spec);
	*spec = (struct spec_seccomp){ 0 };
}

/* ---- the host -------------------------------------------------------------------------
 */

static const struct {
	const char *docker, *oci;
} arch_names[] = {
	{ "amd64", "SCMP_ARCH_X86_64" },
	{ "arm", "SCMP_ARCH_ARM" },
	{ "arm64", "SCMP_ARCH_AARCH64" },
	{ "riscv64", "SCMP_ARCH_RISCV64" },
	{ "x86", "SCMP_ARCH_X86" },
};

#define ARCH_COUNT (sizeof(arch_names) / sizeof(arch_names[0]))

static const char *arch_oci_name(const char *docker)
{
	for (size_t i = 0; i < ARCH_COUNT; i++) {
		if (str_eq(arch_names[i].docker, docker))
			return arch_names[i].oci;
	}
	return NULL;
}

static const char *arch_docker_name(const char *oci)
{
	for (size_t i = 0; i < ARCH_COUNT; i++) {
		if (str_eq(arch_names[i].oci, oci))
			return arch_names[i].docker;
	}
	return NULL;
}

/* "6.1.0-18-amd64" and "4.8" alike: what follows the second number does not matter. */
static bool version_read(
	const char *text, unsigned int *ret_major, unsigned int *ret_minor)
{
	return sscanf(text, "%9u.%9u", ret_major, ret_minor) == 2;
}

int seccomp_host_read(
	char *const *capabilities, struct seccomp_host *ret, struct err *err)
{
	const struct seccomp_arch *arch = seccomp_arch_native_row();
	struct seccomp_host host = { .capabilities = capabilities };
	struct utsname name;

	host.arch = arch ? arch_docker_name(arch->name) : NULL;
	if (!host.arch)
		return err_say(err, EOPNOTSUPP,
			"seccomp: no filters for this machine's architecture");
	if (uname(&name) < 0 ||
		!version_read(name.release, &host.kernel_major, &host.kernel_minor))
		return err_say(
			err, EINVAL, "seccomp: this kernel has no readable version");
	*ret = host;
	return 0;
}

/* ---- conditions -----------------------------------------------------------------------
 */

static int is_kernel_at_least(
	const struct seccomp_host *host, const char *version, struct err *err)
{
	unsigned int major, minor;

	if (!version_read(version, &major, &minor))
		return err_say(err, EINVAL, "minKernel \"%s\" is not a version", version);
	return host->kernel_major > major ||
	       (host->kernel_major == major && host->kernel_minor >= minor);
}

/* All that `includes` names must be there. */
static int is_included(
	const struct conditions *c, const struct seccomp_host *host, struct err *err)
{
	if (c->arches && !strv_contains(c->arches, host->arch))
		return 0;
	strv_each (cap, c->caps) {
		if (!strv_contains(host->capabilities, *cap))
			return 0;
	}
	return c->min_kernel ? is_kernel_at_least(host, c->min_kernel, err) : 1;
}

/* Any that `excludes` names is enough. */
static int is_excluded(
	const struct conditions *c, const struct seccomp_host *host, struct err *err)
{
	if (strv_contains(c->arches, host->arch))
		return 1;
	strv_each (cap, c->caps) {
		if (strv_contains(host->capabilities, *cap))
			return 1;
	}
	return c->min_kernel ? is_kernel_at_least(host, c->min_kernel, err) : 0;
}

/* 1 when the rule applies, 0 when not, -errno. */
static int applies(
	const struct profile_call *call, const struct seccomp_host *host, struct err *err)
{
	int r = is_included(&call->includes, host, err);

	if (r <= 0)
		return r;
	r = is_excluded(&call->excludes, host, err);
	return r < 0 ? r : !r;
}

/* ---- resolving ------------------------------------------------------------------------
 */

static int take_name(struct profile_call *call, struct err *err)
{
	if (!call->name)
		return call->call.names
			       ? 0
			       : err_say(err, EINVAL,
					 "a rule has neither \"names\" nor \"name\"");
	if (call->call.names)
		return err_say(err, EINVAL, "a rule has both \"names\" and \"name\"");
	return strv_take(&call->call.names, take_ptr(call->name)) < 0 ? err_oom(err) : 0;
}

static int take_calls(
	struct profile *profile, const struct seccomp_host *host, struct err *err)
{
	struct spec_syscalls *to = &profile->spec.syscalls;
	int r;

	if (profile->calls.count == 0)
		return 0;
	to->items = calloc(profile->calls.count, sizeof(*to->items));
	if (!to->items)
		return err_oom(err);
	for (size_t i = 0; i < profile->calls.count; i++) {
		struct profile_call *call = &profile->calls.items[i];

		r = take_name(call, err);
		if (r == 0)
			r = applies(call, host, err);
		if (r < 0)
			return err_wrap(err, "syscalls[%zu]", i);
		if (r == 0)
			continue;
		to->items[to->count++] = call->call;
		call->call = (struct spec_syscall){ 0 };
	}
	return 0;
}

static int take_archs(
	struct profile *profile, const struct seccomp_host *host, struct err *err)
{
	const char *native = arch_oci_name(host->arch);

	if (profile->arch_map.count && profile->spec.architectures)
		return err_say(
			err, EINVAL, "both \"architectures\" and \"archMap\" are given");
	for (size_t i = 0; native && i < profile->arch_map.count; i++) {
		struct profile_arch *arch = &profile->arch_map.items[i];

		if (!str_eq(arch->architecture, native))
			continue;
		profile->spec.architectures = take_ptr(arch->sub_architectures);
		return strv_add(&profile->spec.architectures, native) < 0 ? err_oom(err)
									  : 0;
	}
	return 0;
}

int seccomp_profile_resolve(const char *text, size_t len, const struct seccomp_host *host,
	struct spec_seccomp *ret, struct err *err)
{
	cleanup_with(profile_done) struct profile profile = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (len > SECCOMP_PROFILE_MAX)
		return err_say(err, EFBIG, "more than %u bytes", SECCOMP_PROFILE_MAX);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), profile_fields, &profile, err);
	if (r == 0)
		r = take_archs(&profile, host, err);
	if (r == 0)
		r = take_calls(&profile, host, err);
	if (r < 0)
		return r;
	*ret = profile.spec;
	ret->is_set = true;
	profile.spec = (struct spec_seccomp){ 0 };
	return 0;
}

int seccomp_profile_parse(const char *text, size_t len, char *const *capabilities,
	struct spec_seccomp *ret, struct err *err)
{
	struct seccomp_host host;
	int r = seccomp_host_read(capabilities, &host, err);

	return r < 0 ? r : seccomp_profile_resolve(text, len, &host, ret, err);
}

int seccomp_profile_default(
	char *const *capabilities, struct spec_seccomp *ret, struct err *err)
{
	return seccomp_profile_parse(
		default_text, sizeof(default_text), capabilities, ret, err);
}

const char *seccomp_profile_default_text(size_t *ret_len)
{
	*ret_len = sizeof(default_text);
	return default_text;
}
