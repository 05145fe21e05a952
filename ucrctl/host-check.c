/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/host-check.h"

#include "common/fd.h"
#include "common/str.h"
#include "isolators/cgroup.h"
#include "isolators/userns.h"
#include "ucrctl/human.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define LIST_MAX 16384

void finding_done(struct finding *finding)
{
	buf_done(&finding->found);
	buf_done(&finding->advice);
}

static void advise(struct finding *f, enum finding_state state, const char *advice)
{
	f->state = state;
	buf_puts(&f->advice, advice);
}

static void look_user(const struct host *host, struct finding *f)
{
	if (!engine_is_rootless(host->engine))
		buf_puts(&f->found, "root");
	else
		buf_printf(&f->found, "uid %u, rootless", (unsigned int)geteuid());
}

/* System calls without which nothing works, asked for with arguments that cannot succeed:
 * a kernel that has them answers anything but ENOSYS. */
static const struct {
	const char *name;
	long number;
} needed_calls[] = {
	{ "openat2 (Linux 5.6)", SYS_openat2 },
	{ "clone3 (Linux 5.3)", SYS_clone3 },
	{ "fsmount (Linux 5.2)", SYS_fsmount },
	{ "mount_setattr (Linux 5.12)", SYS_mount_setattr },
	{ "close_range (Linux 5.9)", SYS_close_range },
	{ "pidfd_open (Linux 5.3)", SYS_pidfd_open },
};

static void look_kernel(const struct host *host, struct finding *f)
{
	struct utsname name;

	if (uname(&name) == 0)
		buf_printf(&f->found, "%s %s", name.sysname, name.release);
	for (size_t i = 0; i < sizeof(needed_calls) / sizeof(needed_calls[0]); i++) {
		if (syscall(needed_calls[i].number, -1, -1, -1, -1, -1) >= 0 ||
			errno != ENOSYS)
			continue;
		buf_printf(&f->found, ", no %s", needed_calls[i].name);
		f->state = FINDING_MISSING;
	}
	if (f->state == FINDING_MISSING)
		buf_puts(&f->advice, "boot a kernel of 5.15 or newer");
}

static const char *const wanted_controllers[] = { "cpu", "cpuset", "memory", "pids",
	"io" };

static bool has_controller(char *const *controllers, const char *name)
{
	strv_each (c, controllers) {
		/* v1 calls io blkio. */
		if (str_eq(*c, name) || (str_eq(name, "io") && str_eq(*c, "blkio")))
			return true;
	}
	return false;
}

static void list_controllers(char *const *controllers, struct finding *f)
{
	cleanup_buf struct buf missing = BUF_INIT;

	buf_putc(&f->found, ':');
	for (size_t i = 0; i < sizeof(wanted_controllers) / sizeof(wanted_controllers[0]);
		i++) {
		bool is_there = has_controller(controllers, wanted_controllers[i]);

		buf_printf(is_there ? &f->found : &missing, " %s", wanted_controllers[i]);
	}
	if (buf_finish(&missing) < 0 || !missing.len)
		return;
	buf_printf(&f->found, " (not:%s)", missing.data);
	f->state = FINDING_LIMITED;
}

/* Nothing but making one tells whether a user may: on v2 the right depends on the cgroup
 * above, too. */
static bool may_make_cgroups(const struct cgroup_host *cgroups)
{
	cleanup_free char *path = NULL, *id = str_printf("info-%d", (int)getpid());
	struct cgroup *probe = NULL;
	struct err ignored;
	int r;

	if (!id || cgroup_choose_path(cgroups, NULL, id, &path, &ignored) < 0)
		return false;
	r = cgroup_create(cgroups, path, NULL, &probe, &ignored);
	if (r != 0)
		return false;
	(void)!cgroup_destroy(probe, &ignored);
	cgroup_free(probe);
	return true;
}

static void look_cgroups(const struct host *host, struct finding *f)
{
	cleanup_close int root =
		openat(host->sys_dirfd, "fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroup_host *cgroups = NULL;
	cleanup_strv strv controllers = NULL;
	struct err err = { 0 };

	if (root < 0 || cgroup_host_open(root, host->proc_dirfd, &cgroups, &err) < 0) {
		buf_puts(&f->found,
			err.text[0] ? err.text : "/sys/fs/cgroup is not there");
		advise(f, FINDING_LIMITED,
			"mount the cgroup file system: limits cannot be set without it");
		return;
	}
	buf_puts(&f->found, cgroup_host_name(cgroups));
	if (cgroup_host_controllers(cgroups, &controllers) == 0)
		list_controllers(controllers, f);
	if (engine_is_rootless(host->engine) && !may_make_cgroups(cgroups)) {
		buf_puts(&f->found, ", none delegated to you: no limits");
		f->state = FINDING_LIMITED;
	}
	cgroup_host_free(cgroups);
	if (f->state == FINDING_OK)
		return;
	if (engine_is_rootless(host->engine))
		buf_puts(&f->advice,
			"have cgroup v2 and its controllers delegated to you: with systemd, Delegate=cpu "
			"cpuset io memory pids for user@.service");
	else
		buf_puts(&f->advice,
			"limits of the missing controllers are refused; enable "
			"them in the kernel or in cgroup.subtree_control");
}

static bool has_line(int dirfd, const char *file, const char *word)
{
	cleanup_free char *text = malloc(LIST_MAX);

	return text && fd_read_kernel_file(dirfd, file, text, LIST_MAX) >= 0 &&
	       strstr(text, word);
}

static void look_overlay(const struct host *host, struct finding *f)
{
	if (has_line(host->proc_dirfd, "filesystems", "\toverlay\n")) {
		buf_puts(&f->found, "overlayfs");
		return;
	}
	buf_puts(&f->found, "no overlayfs: root file systems are copied");
	advise(f, FINDING_LIMITED, "load it: modprobe overlay");
}

static void look_seccomp(const struct host *host, struct finding *f)
{
	if (has_line(host->proc_dirfd, "sys/kernel/seccomp/actions_avail", "errno")) {
		buf_puts(&f->found, "filters");
		return;
	}
	buf_puts(&f->found, "no filters");
	advise(f, FINDING_MISSING,
		"boot a kernel with CONFIG_SECCOMP_FILTER, or run with --security-opt seccomp=unconfined");
}

/* The number in a file of /proc/sys; `otherwise` when there is no such file. */
static uint64_t sysctl_number(
	const struct host *host, const char *file, uint64_t otherwise)
{
	char text[32];
	uint64_t n;

	if (fd_read_kernel_file(host->proc_dirfd, file, text, sizeof(text)) < 0)
		return otherwise;
	text[strcspn(text, "\n")] = '\0';
	return str_to_u64(text, &n) < 0 ? otherwise : n;
}

static void look_user_namespaces(const struct host *host, struct finding *f)
{
	uint64_t most = sysctl_number(host, "sys/user/max_user_namespaces", 0);
	bool is_open =
		sysctl_number(host, "sys/kernel/unprivileged_userns_clone", 1) != 0;

	if (most && is_open) {
		buf_printf(&f->found, "%llu at most", (unsigned long long)most);
		return;
	}
	buf_puts(&f->found, most ? "for root only" : "switched off");
	advise(f, engine_is_rootless(host->engine) ? FINDING_MISSING : FINDING_LIMITED,
		most ? "for rootless containers: sysctl "
		       "kernel.unprivileged_userns_clone=1"
		     : "for rootless containers: sysctl user.max_user_namespaces=15000");
}

/* The program in one of the directories of $PATH. */
static bool find_program(const struct host *host, const char *name)
{
	const char *path = host->search_path ? host->search_path : "";

	while (*path) {
		size_t n = strcspn(path, ":");
		cleanup_free char *file = str_printf("%.*s/%s", (int)n, path, name);

		if (file && n && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* As containers will be mapped, by the same rules. */
static bool has_ranges_of_ids(const struct host *host)
{
	struct spec_id_maps uids = { 0 }, gids = { 0 };
	bool is_single = true;
	struct err ignored;

	if (userns_default_maps(host->etc_dirfd, getuid(), getgid(), &uids, &gids,
		    &is_single, &ignored) < 0)
		return false;
	free(uids.items);
	free(gids.items);
	return !is_single;
}

static void look_id_maps(const struct host *host, struct finding *f)
{
	bool has_programs =
		find_program(host, "newuidmap") && find_program(host, "newgidmap");
	bool has_ranges = has_ranges_of_ids(host);

	buf_puts(&f->found, has_programs ? "newuidmap" : "no newuidmap");
	if (engine_is_rootless(host->engine))
		buf_puts(&f->found,
			has_ranges ? ", ranges of your own"
				   : ", no range in /etc/subuid and /etc/subgid");
	if (!engine_is_rootless(host->engine) || (has_programs && has_ranges))
		return;
	f->state = FINDING_LIMITED;
	buf_puts(&f->advice,
		has_programs
			? "usermod --add-subuids 100000-165535 "
			  "--add-subgids 100000-165535 $USER"
			: "install the package uidmap (Debian) or shadow-utils (Fedora)");
}

static void look_landlock(const struct host *host, struct finding *f)
{
	long version = syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version > 0) {
		buf_printf(&f->found, "version %ld", version);
		return;
	}
	buf_puts(&f->found, "not there: the unpacker is confined by other means");
	f->state = FINDING_LIMITED;
	buf_puts(&f->advice,
		"nothing has to be done; a kernel with CONFIG_SECURITY_LANDLOCK adds a layer of defence");
}

static const char *const programs[] = { "ucr-shim", "ucr-unpack", "ucr-init" };

static void look_programs(const struct host *host, struct finding *f)
{
	const char *dir = engine_libexec_path(host->engine);

	buf_puts(&f->found, dir);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		cleanup_free char *path = str_printf("%s/%s", dir, programs[i]);

		if (path && access(path, X_OK) == 0)
			continue;
		buf_printf(&f->found, ", no %s", programs[i]);
		f->state = FINDING_MISSING;
	}
	if (f->state == FINDING_MISSING)
		buf_puts(&f->advice,
			"install ucr whole, or set UCR_LIBEXECDIR to where its programs are");
}

static void look_store(const struct host *host, struct finding *f)
{
	cleanup_image_list struct image_list images = { 0 };
	struct store *store;
	uint64_t bytes = 0;
	struct err err = { 0 };

	buf_puts(&f->found, engine_root_path(host->engine));
	if (engine_store(host->engine, &store, &err) < 0 ||
		store_list(store, &images, &err) < 0) {
		buf_printf(&f->found, ": %s", err.text);
		advise(f, FINDING_MISSING, err.hint);
		return;
	}
	for (size_t i = 0; i < images.count; i++)
		bytes += images.items[i]->size;
	buf_printf(
		&f->found, ": %zu image%s, ", images.count, images.count == 1 ? "" : "s");
	human_bytes(&f->found, bytes);
}

const struct host_check host_checks[] = {
	{ "user", look_user },
	{ "store", look_store },
	{ "programs", look_programs },
	{ "kernel", look_kernel },
	{ "cgroups", look_cgroups },
	{ "overlay", look_overlay },
	{ "seccomp", look_seccomp },
	{ "user namespaces", look_user_namespaces },
	{ "id maps", look_id_maps },
	{ "landlock", look_landlock },
	{ 0 },
};
