/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v1: a hierarchy for each controller or few. */
#include "isolators/cgroup-v1.h"

#include "isolators/cgroup-devices.h"
#include "isolators/cgroup-members.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FREEZE_TIMEOUT_MS 5000

/* "tasks" is a file of v1 alone. */
static bool is_mounted(int root_dirfd, const char *folder)
{
	char path[CGROUP_NAME_ROOM + sizeof("/tasks")];

	(void)snprintf(path, sizeof(path), "%s/tasks", folder);
	return faccessat(root_dirfd, path, F_OK, 0) == 0;
}

/* A hierarchy is mounted in a folder named as all its controllers or as one of them. */
static bool find_folder(
	int root_dirfd, const char *controllers, char ret[CGROUP_NAME_ROOM])
{
	if (strlen(controllers) < CGROUP_NAME_ROOM &&
		is_mounted(root_dirfd, controllers)) {
		(void)snprintf(ret, CGROUP_NAME_ROOM, "%s", controllers);
		return true;
	}
	if (!strchr(controllers, ','))
		return false;
	while (*controllers) {
		size_t len = strcspn(controllers, ",");

		(void)snprintf(ret, CGROUP_NAME_ROOM, "%.*s", (int)len, controllers);
		if (is_mounted(root_dirfd, ret))
			return true;
		controllers += len + (controllers[len] == ',');
	}
	return false;
}

static int v1_probe(
	int root_dirfd, const struct cgroup_line *line, struct cgroup_hierarchy *ret)
{
	ret->controllers = cgroup_controllers_parse(line->controllers, ',');
	if (!ret->controllers || !find_folder(root_dirfd, line->controllers, ret->folder))
		return 0;
	(void)snprintf(ret->key, sizeof(ret->key), "%.*s",
		(int)strcspn(line->controllers, ","), line->controllers);
	return 1;
}

/*
 * A new cpuset of v1 has neither CPUs nor memory nodes, and refuses every process
 * (ENOSPC) until it has both; so has each one above it that was made on the way. What is
 * empty gets the parent's.
 */
static int fill_cpuset(int parent_fd, int fd, const char *file, struct err *err)
{
	char value[CGROUP_FILE_ROOM];
	int r;

	r = fd_read_kernel_file(fd, file, value, sizeof(value));
	if (r < 0 || value[strspn(value, " \n")])
		return r < 0 ? err_set(err, -r, "cgroup: read %s", file) : 0;
	r = fd_read_kernel_file(parent_fd, file, value, sizeof(value));
	if (r == 0)
		r = fd_write_kernel_file(fd, file, value);
	return r < 0 ? err_set(err, -r, "cgroup: copy %s of the parent", file) : 0;
}

static int v1_enable(const struct cgroup_host *host, const struct cgroup_part *part,
	const char *path, uint32_t required, struct err *err)
{
	cleanup_close int above = -1;
	char prefix[CGROUP_PATH_ROOM];
	int r;

	if (!(part->hierarchy->controllers & CGROUP_CPUSET))
		return 0;
	for (const char *p = path + strlen(part->hierarchy->folder);;
		p += strcspn(p, "/")) {
		cleanup_close int fd = -1;

		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		fd = openat(host->root_dirfd, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open cgroup %s", prefix);
		r = above < 0 ? 0 : fill_cpuset(above, fd, "cpuset.cpus", err);
		if (r == 0 && above >= 0)
			r = fill_cpuset(above, fd, "cpuset.mems", err);
		if (r < 0 || !*p)
			return r;
		cleanup_close_fn(&above);
		above = take_fd(&fd);
		p++;
	}
}

/* ---- freezer ---- */

static bool is_state(int dirfd, const char *state)
{
	char text[32];

	if (fd_read_kernel_file(dirfd, "freezer.state", text, sizeof(text)) < 0)
		return false;
	return strncmp(text, state, strlen(state)) == 0;
}

static bool v1_is_frozen(const struct cgroup_part *part)
{
	return is_state(part->dirfd, "FR"); /* FREEZING counts */
}

/*
 * FREEZING can last when a process forks at the wrong moment; writing FROZEN again makes
 * the kernel look for it.
 */
static int v1_freeze(const struct cgroup_part *part, bool is_on, struct err *err)
{
	const char *state = is_on ? "FROZEN" : "THAWED";
	uint64_t deadline = cgroup_now_ms() + FREEZE_TIMEOUT_MS;
	unsigned int usec = 50;
	int r;

	do {
		r = fd_write_kernel_file(part->dirfd, "freezer.state", state);
		if (r < 0)
			return err_set(err, -r, "cgroup: write freezer.state");
		if (is_state(part->dirfd, state))
			return 0;
	} while (cgroup_wait(deadline, &usec));
	if (is_on && fd_write_kernel_file(part->dirfd, "freezer.state", "THAWED") < 0)
		return err_say(err, ETIMEDOUT, "cgroup: stuck between frozen and thawed");
	return err_say(err, ETIMEDOUT, "cgroup: not %s after %d seconds",
		is_on ? "frozen" : "thawed", FREEZE_TIMEOUT_MS / 1000);
}

static int v1_kill(const struct cgroup_part *part)
{
	return -EOPNOTSUPP;
}

static bool v1_is_populated(const struct cgroup_part *part)
{
	return cgroup_has_members(part->dirfd);
}

/* ---- devices ---- */

static int write_line(int fd, const char *line)
{
	return write(fd, line, strlen(line)) < 0 ? -errno : 0;
}

static int write_rule(int fd, const struct device_rule *rule, struct err *err)
{
	const char *types = rule->type == 'a' ? "bc" : (char[]){ rule->type, '\0' };
	char line[DEVICE_LINE_ROOM];
	int r;

	for (; rule->access && *types; types++) {
		device_rule_line(rule, *types, line);
		r = write_line(fd, line);
		if (r == -EPERM && rule->is_default)
			continue; /* the cgroup above has less than everybody's devices */
		if (r == -EPERM) {
			(void)err_set(err, EPERM, "cgroup: allow the device %s", line);
			return err_hint(err, "the cgroup above does not allow it either");
		}
		if (r < 0)
			return err_set(err, -r, "cgroup: set the device rule %s", line);
	}
	return 0;
}

static int write_rules(int dirfd, const struct device_rules *rules, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = fd_write_kernel_file(
		dirfd, rules->is_allowed ? "devices.allow" : "devices.deny", "a");
	if (r < 0)
		return err_set(err, -r, "cgroup: reset the device rules");
	fd = openat(dirfd, rules->is_allowed ? "devices.deny" : "devices.allow",
		O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "cgroup: open the device rules");
	for (size_t i = 0; i < rules->count; i++) {
		r = write_rule(fd, &rules->items[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int v1_set_devices(const struct cgroup_part *part,
	const struct spec_device_rules *spec, struct err *err)
{
	cleanup_with(device_rules_done) struct device_rules rules = { 0 };
	int r;

	if (!spec->count && !part->is_unset)
		return 0;
	r = device_rules_read(spec, &rules, err);
	if (r == 0)
		r = device_rules_flatten(&rules, err);
	if (r < 0 || (part->is_new && rules.is_allowed && !rules.count))
		return r;
	return write_rules(part->dirfd, &rules, err);
}

const struct cgroup_backend cgroup_v1_backend = {
	.name = "v1",
	.probe = v1_probe,
	.enable = v1_enable,
	.set = cgroup_v1_set,
	.set_devices = v1_set_devices,
	.usage = cgroup_v1_usage,
	.is_frozen = v1_is_frozen,
	.freeze = v1_freeze,
	.kill = v1_kill,
	.is_populated = v1_is_populated,
	.can_clone_into = false,
	.is_exclusive = false,
};
