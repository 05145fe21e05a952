/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/attributes.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/proc-handle.h"
#include "isolators/schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define KEYRING_NAME_MAX 160
#define STANDARD_SIGNALS_END 32

static const struct {
	const char *domain;
	unsigned long value;
} personalities[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
};

#define PERSONALITY_COUNT (sizeof(personalities) / sizeof(personalities[0]))

/* execve(2) resets handlers; what it keeps are ignored signals and the mask. The real-time
 * signals are nobody's to ignore by habit, as SIGPIPE or SIGHUP are. */
void attributes_reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < STANDARD_SIGNALS_END; s++) {
		if (s != SIGKILL && s != SIGSTOP)
			(void)signal(s, SIG_DFL);
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The launcher's own affinity must not leak in: all CPUs, of which the cgroup's cpuset
 * leaves what it grants. */
int attributes_set_affinity(const char *cpus, struct err *err)
{
	struct number_set set;
	int r;

	if (cpus) {
		r = number_set_parse(cpus, &set);
		if (r < 0)
			return err_say(err, EINVAL,
				"process.execCPUAffinity: %s is no list of CPUs", cpus);
	} else {
		memset(&set, 0xff, sizeof(set));
	}
	if (syscall(SYS_sched_setaffinity, 0, sizeof(set), &set) < 0)
		return err_set(
			err, errno, "set the CPU affinity to %s", cpus ? cpus : "all");
	return 0;
}

/* ---- prepare
 * --------------------------------------------------------------------------------- */

static int check_personality(const struct spec_linux *linux_, struct err *err)
{
	const char *domain = linux_->personality.domain;

	if (strv_len(linux_->personality.flags))
		return err_say(
			err, EINVAL, "linux.personality.flags: no flag is defined");
	if (!domain)
		return 0;
	for (size_t i = 0; i < PERSONALITY_COUNT; i++) {
		if (str_eq(personalities[i].domain, domain))
			return 0;
	}
	return err_say(err, EINVAL, "linux.personality.domain: unknown value %s", domain);
}

static int check_affinity(const struct spec_process *process, struct err *err)
{
	const char *const lists[] = { process->exec_cpu_affinity.initial,
		process->exec_cpu_affinity.final };
	struct number_set set;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!str_empty(lists[i]) && number_set_parse(lists[i], &set) < 0)
			return err_say(err, EINVAL,
				"process.execCPUAffinity: %s is no list of CPUs",
				lists[i]);
	}
	return 0;
}

/* Said rather than ignored. */
static int check_unsupported(const struct spec_linux *linux_, struct err *err)
{
	if (linux_->net_devices.count)
		return err_say(err, ENOTSUP, "not supported yet: linux.netDevices");
	if (linux_->intel_rdt.is_set)
		return err_say(err, ENOTSUP, "not supported yet: linux.intelRdt");
	return 0;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	const struct spec_process *process = isolation->process;
	const struct spec_linux *linux_ = &isolation->spec->linux_;
	int r;

	if (process->has_oom_score_adj &&
		(process->oom_score_adj < -1000 || process->oom_score_adj > 1000))
		return err_say(err, EINVAL,
			"process.oomScoreAdj: %d is not -1000 to 1000",
			process->oom_score_adj);
	r = check_unsupported(linux_, err);
	if (r == 0)
		r = check_personality(linux_, err);
	if (r == 0)
		r = schedule_check(process, err);
	if (r == 0)
		r = memory_policy_check(linux_, err);
	return r < 0 ? r : check_affinity(process, err);
}

/* ---- attach
 * ---------------------------------------------------------------------------------- */

/* In the parent: lowering needs the host's CAP_SYS_RESOURCE, and a child that changed its
 * ids does not own its procfs files. */
static int attach(struct isolation *isolation, pid_t pid, struct err *err)
{
	char path[48], value[16];
	int r;

	if (!isolation->process->has_oom_score_adj)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	(void)snprintf(value, sizeof(value), "%d", isolation->process->oom_score_adj);
	r = fd_write_kernel_file(AT_FDCWD, path, value);
	if (r == 0)
		return 0;
	(void)err_set(err, -r, "process.oomScoreAdj: set %s", value);
	if (r == -EACCES)
		(void)err_hint(err,
			"going below the launcher's own value needs CAP_SYS_RESOURCE");
	return r;
}

/* ---- isolate
 * --------------------------------------------------------------------------------- */

/* A keyring of its own, so that the launcher's keys stay out of reach (D15). ENOSYS: a
 * kernel without keys; EPERM: a seccomp filter around us forbids it, and then guards the
 * keys too. */
static int join_keyring(const char *id, struct err *err)
{
	char name[KEYRING_NAME_MAX];

	(void)snprintf(name, sizeof(name), "_ses.%s", id ? id : "");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) >= 0 ||
		errno == ENOSYS || errno == EPERM)
		return 0;
	(void)err_set(err, errno, "make a session keyring");
	if (err && err->code == EDQUOT)
		(void)err_hint(err,
			"the user has too many keys: see /proc/key-users and the sysctl kernel.keys.maxkeys");
	return err ? -err->code : -EIO;
}

static int set_personality(const char *domain, struct err *err)
{
	for (size_t i = 0; domain && i < PERSONALITY_COUNT; i++) {
		if (str_eq(personalities[i].domain, domain) &&
			personality(personalities[i].value) < 0)
			return err_set(err, errno, "set personality %s", domain);
	}
	return 0;
}

/* execCPUAffinity speaks of an exec only, not of the container's first process. */
static const char *final_cpus(const struct isolation *isolation)
{
	const char *cpus = isolation->process->exec_cpu_affinity.final;

	if (isolation->process == &isolation->spec->process || str_empty(cpus))
		return NULL;
	return cpus;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec_process *process = isolation->process;
	int r;

	r = isolation->keep_keyring ? 0 : join_keyring(isolation->id, err);
	if (r == 0)
		r = attributes_set_affinity(final_cpus(isolation), err);
	if (r == 0)
		r = schedule_apply(process, err);
	if (r == 0)
		r = memory_policy_apply(&isolation->spec->linux_, err);
	return r < 0 ? r
		     : set_personality(isolation->spec->linux_.personality.domain, err);
}

static int set_no_new_privs(struct isolation *isolation, struct err *err)
{
	if (isolation->process->no_new_privileges &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "set no_new_privs");
	return 0;
}

/* ---- labels
 * ------------------------------------------------------------------------------------ */

static int check_labels(struct isolation *isolation, struct err *err)
{
	const struct spec_process *process = isolation->process;

	if (!str_empty(process->apparmor_profile) &&
		access("/sys/module/apparmor/parameters/enabled", F_OK) < 0)
		return err_say(err, ENOTSUP,
			"process.apparmorProfile: AppArmor is not enabled here");
	if (!str_empty(process->selinux_label) &&
		access("/sys/fs/selinux/status", F_OK) < 0)
		return err_say(err, ENOTSUP,
			"process.selinuxLabel: SELinux is not enabled here");
	return 0;
}

/* Since Linux 5.8 AppArmor has its own file beside the one that all modules share. */
static int set_apparmor(int proc_dirfd, const char *profile, struct err *err)
{
	cleanup_free char *value = str_printf("exec %s", profile);
	int r;

	if (!value)
		return err_oom(err);
	r = proc_handle_write(proc_dirfd, "self/attr/apparmor/exec", value);
	if (r == -ENOENT)
		r = proc_handle_write(proc_dirfd, "self/attr/exec", value);
	if (r == -ENOENT)
		return err_say(err, ENOENT, "AppArmor profile %s is not loaded", profile);
	return r < 0 ? err_set(err, -r, "set the AppArmor profile %s", profile) : 0;
}

static int set_labels(struct isolation *isolation, struct err *err)
{
	const struct spec_process *process = isolation->process;
	int r = 0;

	if (!str_empty(process->apparmor_profile))
		r = set_apparmor(isolation->proc_dirfd, process->apparmor_profile, err);
	if (r < 0 || str_empty(process->selinux_label))
		return r;
	r = proc_handle_write(
		isolation->proc_dirfd, "self/attr/exec", process->selinux_label);
	return r < 0 ? err_set(err, -r, "set the SELinux label %s",
			       process->selinux_label)
		     : 0;
}

const struct isolator attributes_isolator = {
	.name = "attributes",
	.prepare = prepare,
	.attach = attach,
	.isolate = isolate,
};

const struct isolator no_new_privs_isolator = {
	.name = "no-new-privs",
	.isolate = set_no_new_privs,
};

const struct isolator labels_isolator = {
	.name = "labels",
	.prepare = check_labels,
	.isolate = set_labels,
};
