/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v2: one tree, in which each directory hands controllers down to its children. */
#include "isolators/cgroup-v2.h"

#include "isolators/cgroup-members.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FREEZE_TIMEOUT_MS 5000
/* For stats and to recognise OOM; wanted, but no reason to fail. */
#define WELCOME (CGROUP_MEMORY | CGROUP_PIDS)
/* What every directory of the tree can do without a controller. */
#define BUILT_IN (CGROUP_FREEZER | CGROUP_CPUACCT | CGROUP_UNIFIED)
#define NEEDS_ENABLING(bits) ((bits) & ~(uint32_t)(BUILT_IN | CGROUP_DEVICES))

static int read_controllers(int dirfd, const char *file, uint32_t *ret)
{
	char text[512];
	int r = fd_read_kernel_file(dirfd, file, text, sizeof(text));

	if (r < 0)
		return r;
	*ret = cgroup_controllers_parse(text, ' ');
	return 0;
}

static int v2_probe(
	int root_dirfd, const struct cgroup_line *line, struct cgroup_hierarchy *ret)
{
	static const char *const folders[] = { ".", "unified" };
	char file[64];

	if (line->controllers[0])
		return 0;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "%s/cgroup.controllers", folders[i]);
		if (read_controllers(root_dirfd, file, &ret->controllers) < 0)
			continue;
		ret->controllers |= BUILT_IN;
		(void)snprintf(ret->folder, sizeof(ret->folder), "%s", folders[i]);
		(void)snprintf(ret->key, sizeof(ret->key), "unified");
		return 1;
	}
	return 0;
}

static const struct refusal {
	int code;
	const char *text, *hint;
} refusals[] = {
	{ EBUSY,
		"it holds processes itself, and cgroup v2 lets a cgroup have either "
		"processes or controlled children",
		"move these processes into a child of it, or choose another parent for the container" },
	{ EACCES, "it is not delegated to this user",
		"log in through systemd, which delegates user@.service, or start this "
		"by \"systemd-run --user --scope -p Delegate=yes\"" },
	{ EPERM, "it is not delegated to this user", NULL },
	{ EROFS, "the cgroup file system is mounted read-only",
		"mount it writable for this container, or run without limits" },
	{ ENOENT, "it was not given that controller itself",
		"delegate the controller to it (systemd: Delegate=yes in the unit)" },
	{ EOPNOTSUPP, "it is a threaded cgroup, which cannot have this controller",
		"choose another parent for the container" },
	{ EINVAL,
		"the controller is in use by a cgroup v1 hierarchy or by real-time processes",
		NULL },
};

static int say_refusal(const char *path, uint32_t bit, int code, struct err *err)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].code != code)
			continue;
		(void)err_say(err, code,
			"cgroup /%s cannot give the controller %s to its children: %s",
			path, cgroup_controller_name(bit), refusals[i].text);
		return refusals[i].hint ? err_hint(err, "%s", refusals[i].hint) : -code;
	}
	return err_set(err, code, "cgroup /%s: enable the controller %s for its children",
		path, cgroup_controller_name(bit));
}

/* Enables one controller for the children of `dirfd`. */
static int enable_one(int dirfd, uint32_t bit)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "+%s", cgroup_controller_name(bit));
	return fd_write_kernel_file(dirfd, "cgroup.subtree_control", text);
}

/* One step down the path: what is required must be on afterwards, what is welcome may be.
 */
static int enable_level(
	int dirfd, const char *path, uint32_t required, uint32_t welcome, struct err *err)
{
	uint32_t on = 0, wanted;
	int r;

	r = read_controllers(dirfd, "cgroup.subtree_control", &on);
	if (r < 0)
		return err_set(err, -r, "cgroup /%s: read cgroup.subtree_control", path);
	wanted = (required | welcome) & ~on;
	for (uint32_t bit = 1; bit <= wanted; bit <<= 1) {
		if (!(wanted & bit))
			continue;
		r = enable_one(dirfd, bit);
		if (r < 0 && (required & bit))
			return say_refusal(path, bit, -r, err);
	}
	return 0;
}

static const char *below_folder(const struct cgroup_part *part, const char *path)
{
	return path + strlen(part->hierarchy->folder) + 1;
}

static int v2_enable(const struct cgroup_host *host, const struct cgroup_part *part,
	const char *path, uint32_t required, struct err *err)
{
	uint32_t welcome = WELCOME & part->hierarchy->controllers, has = 0;
	char prefix[CGROUP_PATH_ROOM];
	int r;

	required = NEEDS_ENABLING(required);
	if (!(required | welcome))
		return 0;
	r = read_controllers(part->dirfd, "cgroup.controllers", &has);
	if (r < 0)
		return err_set(err, -r, "cgroup /%s: read cgroup.controllers",
			below_folder(part, path));
	if (!((required | welcome) & ~has))
		return 0;
	for (const char *p = path + strlen(part->hierarchy->folder); *p;
		p += 1 + strcspn(p + 1, "/")) {
		cleanup_close int fd = -1;

		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		fd = openat(host->root_dirfd, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open cgroup %s", prefix);
		r = enable_level(fd,
			p == path + strlen(part->hierarchy->folder)
				? ""
				: below_folder(part, prefix),
			required, welcome, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- cgroup.events ---- */

static bool has_event(int dirfd, const char *event)
{
	char text[256];

	return fd_read_kernel_file(dirfd, "cgroup.events", text, sizeof(text)) == 0 &&
	       strstr(text, event);
}

static bool v2_is_populated(const struct cgroup_part *part)
{
	char text[256];
	int r = fd_read_kernel_file(part->dirfd, "cgroup.events", text, sizeof(text));

	if (r == -ENOENT || r == -ENODEV)
		return false;			      /* removed */
	return r < 0 || !strstr(text, "populated 0"); /* unknown may hold somebody */
}

static bool v2_is_frozen(const struct cgroup_part *part)
{
	char text[8];

	return fd_read_kernel_file(part->dirfd, "cgroup.freeze", text, sizeof(text)) ==
		       0 &&
	       text[0] == '1';
}

static int v2_freeze(const struct cgroup_part *part, bool is_on, struct err *err)
{
	const char *event = is_on ? "frozen 1" : "frozen 0";
	uint64_t deadline = cgroup_now_ms() + FREEZE_TIMEOUT_MS;
	unsigned int usec = 50;
	int r;

	r = fd_write_kernel_file(part->dirfd, "cgroup.freeze", is_on ? "1" : "0");
	if (r < 0)
		return err_set(err, -r, "cgroup: write cgroup.freeze");
	do {
		/* An empty cgroup never becomes frozen on some kernels, and need not. */
		if (has_event(part->dirfd, event) || !v2_is_populated(part))
			return 0;
	} while (cgroup_wait(deadline, &usec));
	if (is_on && fd_write_kernel_file(part->dirfd, "cgroup.freeze", "0") < 0)
		return err_say(err, ETIMEDOUT, "cgroup: stuck between frozen and thawed");
	return err_say(err, ETIMEDOUT, "cgroup: not %s after %d seconds",
		is_on ? "frozen" : "thawed", FREEZE_TIMEOUT_MS / 1000);
}

/* Linux 5.14. The kernel kills what is forked meanwhile, too. */
static int v2_kill(const struct cgroup_part *part)
{
	int r = fd_write_kernel_file(part->dirfd, "cgroup.kill", "1");

	return r == -ENOENT ? -EOPNOTSUPP : r;
}

const struct cgroup_backend cgroup_v2_backend = {
	.name = "v2",
	.probe = v2_probe,
	.enable = v2_enable,
	.set = cgroup_v2_set,
	.set_devices = cgroup_v2_set_devices,
	.usage = cgroup_v2_usage,
	.is_frozen = v2_is_frozen,
	.freeze = v2_freeze,
	.kill = v2_kill,
	.is_populated = v2_is_populated,
	.can_clone_into = true,
	.is_exclusive = true,
};
