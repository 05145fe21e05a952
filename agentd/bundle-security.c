/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/seccomp-profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* What tells about the host, controls it, or is a side channel to other containers. */
static const char *const masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/kpagecgroup",
	"/proc/kpagecount",
	"/proc/kpageflags",
	"/proc/latency_stats",
	"/proc/pressure",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/class/dmi",
	"/sys/devices/virtual/dmi",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/fs/bpf",
	"/sys/kernel/debug",
	"/sys/kernel/security",
	"/sys/kernel/tracing",
};

static const char *const readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

#define CPUS_DIR "/sys/devices/system/cpu"

static int add_paths(const char *const *paths, size_t count, strv *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = strv_add(to, paths[i]);
	return r;
}

/* One for each processor, where the hardware has them at all. */
static int add_thermal_throttles(strv *to)
{
	cleanup_free char *path = NULL;

	for (unsigned int cpu = 0;; cpu++) {
		free(path);
		path = str_printf(CPUS_DIR "/cpu%u/thermal_throttle", cpu);
		if (!path)
			return -ENOMEM;
		if (access(path, F_OK) < 0)
			return 0;
		if (strv_add(to, path) < 0)
			return -ENOMEM;
	}
}

static int use_profile(const char *path, const struct spec_capabilities *caps,
	struct spec_seccomp *to, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(AT_FDCWD, path, SECCOMP_PROFILE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "seccomp profile %s", path);
	r = seccomp_profile_parse(text, len, caps->bounding, to, err);
	return r < 0 ? err_wrap(err, "seccomp profile %s", path) : 0;
}

/* The choices of --security-opt. */
struct security {
	const char *seccomp; /* a file, "unconfined", or NULL: the default profile */
};

static int set_no_new_privileges(const char *value, struct spec *spec)
{
	if (!*value || str_eq(value, "true"))
		spec->process.no_new_privileges = true;
	else if (str_eq(value, "false"))
		spec->process.no_new_privileges = false;
	else
		return -EINVAL;
	return 0;
}

static int apply_option(const char *text, struct security *security, struct spec *spec)
{
	size_t len = strcspn(text, "=:");
	const char *value = text[len] ? text + len + 1 : "";

	if (len == 7 && strncmp(text, "seccomp", len) == 0 && *value) {
		security->seccomp = value;
		return 0;
	}
	if (len == 8 && strncmp(text, "apparmor", len) == 0 && *value)
		return str_set(&spec->process.apparmor_profile, value);
	if (len == 17 && strncmp(text, "no-new-privileges", len) == 0)
		return set_no_new_privileges(value, spec);
	return -EINVAL;
}

int bundle_security(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	struct security security = { 0 };
	struct spec_linux *lin = &spec->linux_;
	const struct spec_capabilities *caps = &spec->process.capabilities;
	int r;

	strv_each (text, request->options->security_opts) {
		r = apply_option(*text, &security, spec);
		if (r == -ENOMEM)
			return err_oom(err);
		if (r < 0)
			return err_say(err, EINVAL,
				"--security-opt %s: want seccomp=FILE, seccomp=unconfined, "
				"apparmor=PROFILE or no-new-privileges[=false]",
				*text);
	}
	if (add_paths(masked_paths, sizeof(masked_paths) / sizeof(*masked_paths),
		    &lin->masked_paths) < 0 ||
		add_thermal_throttles(&lin->masked_paths) < 0 ||
		add_paths(readonly_paths,
			sizeof(readonly_paths) / sizeof(*readonly_paths),
			&lin->readonly_paths) < 0)
		return err_oom(err);
	if (!security.seccomp)
		return seccomp_profile_default(caps->bounding, &lin->seccomp, err);
	if (str_eq(security.seccomp, "unconfined"))
		return 0;
	return use_profile(security.seccomp, caps, &lin->seccomp, err);
}
