/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front: what isolators/cgroup.h promises, put together from the parts of a cgroup.
 *
 * Which hierarchies get a part is decided by price. A v1 hierarchy costs a mkdir, a write
 * and an rmdir, and the first write of a while waits for an RCU grace period. So a
 * container is in those that hold a limit asked for, in that of devices, in memory (stats
 * and OOM), and in those that can freeze and tell CPU time, which with a v2 tree is that
 * tree.
 */
#include "isolators/cgroup-members.h"
#include "isolators/cgroup-parts.h"
#include "isolators/cgroup-tree.h"

#include "isolators/cgroup-settings.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* What every container gets where it can. */
static const uint32_t basics[] = { CGROUP_FREEZER, CGROUP_DEVICES, CGROUP_MEMORY,
	CGROUP_CPUACCT };

#define ATTACH_ROUNDS_MAX 32
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *cgroup_path(const struct cgroup *cgroup)
{
	return cgroup->path;
}

const struct cgroup_part *cgroup_anchor(const struct cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		if (cgroup->parts[i].hierarchy->controllers & CGROUP_FREEZER)
			return &cgroup->parts[i];
	}
	return &cgroup->parts[0];
}

/* ---- create ---- */

static bool is_no_right(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

/* The controllers of resources.unified: they must be of the v2 tree. */
static int unified_controllers(const struct cgroup_host *host,
	const struct spec_resources *resources, uint32_t *ret, struct err *err)
{
	const struct cgroup_hierarchy *tree = cgroup_host_find(host, CGROUP_UNIFIED);
	uint32_t bits = 0;

	strv_each (assignment, resources->unified) {
		uint32_t bit =
			cgroup_controller_bit(*assignment, strcspn(*assignment, ".="));

		if (!tree)
			return cgroup_controller_missing(CGROUP_UNIFIED, host, err);
		if (bit && !(tree->controllers & bit)) {
			(void)err_say(err, ENOTSUP,
				"resources.unified: \"%s\" needs the controller %s in "
				"the cgroup v2 tree, where it is not",
				*assignment, cgroup_controller_name(bit));
			return err_hint(err,
				"where cgroup v1 has the controller, ask for the limit by its own property");
		}
		bits |= bit;
	}
	*ret = bits;
	return 0;
}

static int add_required(struct cgroup *cgroup, uint32_t required, struct err *err)
{
	int r;

	for (uint32_t bit = 1; bit <= required; bit <<= 1) {
		if (!(required & bit))
			continue;
		r = cgroup_add_part(cgroup, bit, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whoever has no power over the host runs without the basics; its device nodes are
 * guarded by their owners, as no new one can be made in a user namespace. */
static int add_basics(struct cgroup *cgroup, struct err *err)
{
	int r;

	for (size_t i = 0; i < COUNT(basics); i++) {
		if (!cgroup_host_find(cgroup->host, basics[i]))
			continue;
		r = cgroup_add_part(cgroup, basics[i], err);
		if (r < 0 && (!is_no_right(r) || cgroup_host_is_privileged(cgroup->host)))
			return r;
	}
	return 0;
}

static int set_devices(const struct cgroup *cgroup, const struct cgroup_part *part,
	const struct spec_device_rules *rules, struct err *err)
{
	int r;

	if (part->hierarchy != cgroup_host_find(cgroup->host, CGROUP_DEVICES))
		return 0;
	r = part->hierarchy->backend->set_devices(part, rules, err);
	if (is_no_right(r) && !cgroup_host_is_privileged(cgroup->host))
		return 0;
	return r;
}

static int set_parts(struct cgroup *cgroup, const struct spec_resources *resources,
	uint32_t required, struct err *err)
{
	char path[CGROUP_PATH_ROOM];
	int r;

	for (size_t i = 0; i < cgroup->count; i++) {
		const struct cgroup_part *part = &cgroup->parts[i];
		const struct cgroup_backend *backend = part->hierarchy->backend;

		r = cgroup_path_in(cgroup->path, part->hierarchy, path, err);
		if (r == 0)
			r = backend->enable(cgroup->host, part, path,
				required & part->hierarchy->controllers, err);
		if (r == 0)
			r = backend->set(part, resources, err);
		if (r == 0)
			r = set_devices(cgroup, part, &resources->devices, err);
		if (r < 0)
			return r;
	}
	/* From now on, no device rules mean "as they are", not "the defaults". */
	for (size_t i = 0; i < cgroup->count; i++)
		cgroup->parts[i].is_new = cgroup->parts[i].is_unset = false;
	return 0;
}

static int required_controllers(const struct cgroup_host *host,
	const struct spec_resources *resources, uint32_t *ret, struct err *err)
{
	uint32_t unified = 0;
	int r;

	r = cgroup_check_memory(resources, err);
	if (r == 0)
		r = unified_controllers(host, resources, &unified, err);
	if (r == 0)
		*ret = cgroup_controllers_asked(resources) | unified;
	return r;
}

static int create_parts(
	struct cgroup *cgroup, const struct spec_resources *resources, struct err *err)
{
	uint32_t required = 0;
	int r;

	r = required_controllers(cgroup->host, resources, &required, err);
	if (r == 0)
		r = add_required(cgroup, required, err);
	if (r == 0)
		r = add_basics(cgroup, err);
	if (r == 0)
		r = set_parts(cgroup, resources, required, err);
	if (r < 0)
		return r;
	return cgroup->count ? 0 : CGROUP_UNAVAILABLE;
}

int cgroup_create(const struct cgroup_host *host, const char *path,
	const struct spec_resources *resources, struct cgroup **ret, struct err *err)
{
	static const struct spec_resources none;
	struct err unread;
	struct cgroup *cgroup;
	int r;

	err = err ? err : &unread; /* what went wrong decides here, too */

	r = cgroup_new(host, path, &cgroup, err);
	if (r < 0)
		return r;
	r = create_parts(cgroup, resources ? resources : &none, err);
	if (r != 0) {
		(void)cgroup_remove_parts(cgroup, true, NULL);
		cgroup_free(cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

int cgroup_open(const struct cgroup_host *host, const char *path, struct cgroup **ret,
	struct err *err)
{
	struct cgroup *cgroup;
	int r;

	r = cgroup_new(host, path, &cgroup, err);
	if (r < 0)
		return r;
	r = cgroup_open_parts(cgroup, err);
	if (r < 0) {
		cgroup_free(cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

/* ---- clone ---- */

int cgroup_clone_fd(const struct cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		if (cgroup->parts[i].hierarchy->backend->can_clone_into)
			return cgroup->parts[i].dirfd;
	}
	return -1;
}

int cgroup_join(const struct cgroup *cgroup, struct err *err)
{
	int r;

	for (size_t i = 0; i < cgroup->count; i++) {
		if (cgroup->parts[i].hierarchy->backend->can_clone_into)
			continue;
		r = cgroup_join_part(&cgroup->parts[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_open_unified(const struct cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		int fd;

		if (!(cgroup->parts[i].hierarchy->controllers & CGROUP_UNIFIED))
			continue;
		fd = openat(
			cgroup->parts[i].dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

/* ---- set ---- */

static int attach_new_parts(
	struct cgroup *cgroup, size_t first_new, pid_t pid, struct err *err)
{
	int r;

	for (size_t i = first_new; i < cgroup->count; i++) {
		r = cgroup_attach_part(&cgroup->parts[i], pid, err);
		if (r < 0 && r != -ESRCH) /* ended meanwhile */
			return r;
	}
	return 0;
}

/* Moves all members into parts that were added later, again for those born meanwhile. */
static int attach_members(struct cgroup *cgroup, size_t first_new, struct err *err)
{
	int r;

	for (int round = 0; round < ATTACH_ROUNDS_MAX; round++) {
		cleanup_free pid_t *pids = NULL, *inside = NULL;
		size_t count = 0, inside_count = 0;

		r = cgroup_pids(cgroup, &pids, &count, err);
		for (size_t i = 0; r == 0 && i < count; i++)
			r = attach_new_parts(cgroup, first_new, pids[i], err);
		if (r < 0)
			return r;
		r = cgroup_members(
			cgroup->parts[first_new].dirfd, &inside, &inside_count);
		if (r < 0 || inside_count >= count)
			return r < 0 ? err_set(err, -r, "list the processes") : 0;
	}
	return err_say(err, EAGAIN,
		"cgroup %s: processes are born faster than they can be moved",
		cgroup->path);
}

static int check_in_use(
	struct cgroup *cgroup, const struct spec_memory *memory, struct err *err)
{
	struct cgroup_usage usage;
	int r;

	if (!memory->check_before_update || !memory->limit.is_set ||
		memory->limit.value <= 0)
		return 0;
	r = cgroup_usage(cgroup, &usage, err);
	if (r < 0 || usage.memory_bytes == UINT64_MAX ||
		usage.memory_bytes <= (uint64_t)memory->limit.value)
		return r;
	return err_say(err, EBUSY,
		"the memory limit of %" PRId64 " bytes is below the %" PRIu64 " in use",
		memory->limit.value, usage.memory_bytes);
}

int cgroup_set(
	struct cgroup *cgroup, const struct spec_resources *resources, struct err *err)
{
	size_t first_new = cgroup->count;
	uint32_t required = 0;
	struct err unread;
	int r;

	err = err ? err : &unread;

	r = required_controllers(cgroup->host, resources, &required, err);
	if (r == 0 && resources->devices.count)
		required |= CGROUP_DEVICES;
	if (r == 0)
		r = check_in_use(cgroup, &resources->memory, err);
	if (r == 0)
		r = add_required(cgroup, required, err);
	if (r == 0)
		r = set_parts(cgroup, resources, required, err);
	if (r == 0 && first_new < cgroup->count)
		r = attach_members(cgroup, first_new, err);
	return r;
}

/* ---- usage ---- */

int cgroup_usage(struct cgroup *cgroup, struct cgroup_usage *ret, struct err *err)
{
	struct cgroup_usage usage;

	memset(&usage, 0xff, sizeof(usage)); /* every member UINT64_MAX */
	for (size_t i = 0; i < cgroup->count; i++)
		cgroup->parts[i].hierarchy->backend->usage(&cgroup->parts[i], &usage);
	if (usage.pids == UINT64_MAX) {
		cleanup_free pid_t *pids = NULL;
		size_t count = 0;
		int r = cgroup_pids(cgroup, &pids, &count, err);

		if (r < 0)
			return r;
		usage.pids = count;
	}
	*ret = usage;
	return 0;
}

int cgroup_pids(struct cgroup *cgroup, pid_t **ret, size_t *ret_count, struct err *err)
{
	int r = cgroup_members(cgroup_anchor(cgroup)->dirfd, ret, ret_count);

	return r < 0 ? err_set(err, -r, "list the processes of cgroup %s", cgroup->path)
		     : 0;
}

int cgroup_destroy(struct cgroup *cgroup, struct err *err)
{
	return cgroup_remove_parts(cgroup, false, err);
}
