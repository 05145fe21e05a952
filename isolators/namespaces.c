/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/namespaces.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* In the order of joining: the mount namespace last, since it takes /proc out of reach;
 * the user namespace has an order of its own, see namespaces_join(). */
static const struct namespace_type types[] = {
	{ "user", CLONE_NEWUSER, "user" },
	{ "pid", CLONE_NEWPID, "pid" },
	{ "network", CLONE_NEWNET, "net" },
	{ "ipc", CLONE_NEWIPC, "ipc" },
	{ "uts", CLONE_NEWUTS, "uts" },
	{ "cgroup", CLONE_NEWCGROUP, "cgroup" },
	{ "time", CLONE_NEWTIME, "time" },
	{ "mount", CLONE_NEWNS, "mnt" },
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* What the child makes for itself, once it stands where it belongs. */
#define CGROUP_PATHS_MAX 16384
#define MADE_BY_CHILD ((uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME))

struct namespaces {
	uint64_t new_flags, joined_flags;
	int fds[TYPE_COUNT]; /* by the table's index, -1: none */
	int pidfd;	     /* instead of fds, borrowed */
	int root_fd; /* with pidfd and a mount namespace: the process's "/", or -1 */
};

const struct namespace_type *namespace_type_by_name(const char *name)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (str_eq(types[i].name, name))
			return &types[i];
	}
	return NULL;
}

const struct namespace_type *namespace_type_by_flag(uint64_t flag)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (types[i].flag == flag)
			return &types[i];
	}
	return NULL;
}

const struct namespace_type *namespace_type_at(size_t index)
{
	return index < TYPE_COUNT ? &types[index] : NULL;
}

static struct namespaces *namespaces_alloc(void)
{
	struct namespaces *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	for (size_t i = 0; i < TYPE_COUNT; i++)
		n->fds[i] = -1;
	n->pidfd = -1;
	n->root_fd = -1;
	return n;
}

void namespaces_free(struct namespaces *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (n->fds[i] >= 0)
			(void)close(n->fds[i]);
	}
	if (n->root_fd >= 0)
		(void)close(n->root_fd);
	free(n);
}

static void namespaces_free_ptr(struct namespaces **n)
{
	namespaces_free(*n);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* setns(2) refuses the user namespace in which the caller already is. */
static bool is_own_userns(int dirfd, const char *name)
{
	struct stat own, other;

	return stat("/proc/self/ns/user", &own) == 0 &&
	       fstatat(dirfd, name, &other, 0) == 0 && is_same_file(&own, &other);
}

static int open_path(struct namespaces *n, const struct namespace_type *type,
	const char *path, struct err *err)
{
	cleanup_close int fd = -1;
	int kind;

	if (*path != '/')
		return err_say(err, EINVAL,
			"linux.namespaces: the path %s of the %s namespace is not absolute",
			path, type->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "open %s namespace %s", type->name, path);
	kind = ioctl(fd, NS_GET_NSTYPE);
	if (kind < 0)
		return err_say(err, EINVAL, "%s is not a namespace", path);
	if ((uint64_t)kind != type->flag)
		return err_say(err, EINVAL, "%s is not a %s namespace", path, type->name);
	if (type->flag == CLONE_NEWUSER && is_own_userns(AT_FDCWD, path))
		return 0;
	n->joined_flags |= type->flag;
	n->fds[type - types] = take_fd(&fd);
	return 0;
}

static int add_one(struct namespaces *n, const struct spec_namespace *one, uint64_t *seen,
	struct err *err)
{
	const struct namespace_type *type = namespace_type_by_name(one->type);

	if (!type)
		return err_say(
			err, EINVAL, "linux.namespaces: unknown type %s", one->type);
	if (*seen & type->flag)
		return err_say(
			err, EINVAL, "linux.namespaces: %s is listed twice", one->type);
	*seen |= type->flag;
	if (!str_empty(one->path))
		return open_path(n, type, one->path, err);
	n->new_flags |= type->flag;
	return 0;
}

int namespaces_new(
	const struct spec_namespaces *list, struct namespaces **ret, struct err *err)
{
	cleanup_with(namespaces_free_ptr) struct namespaces *n = namespaces_alloc();
	uint64_t seen = 0;
	int r;

	if (!n)
		return err_oom(err);
	for (size_t i = 0; i < list->count; i++) {
		r = add_one(n, &list->items[i], &seen, err);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(n);
	return 0;
}

int namespaces_of_process(int pidfd, int pid_dirfd, const struct spec_namespaces *list,
	struct namespaces **ret, struct err *err)
{
	cleanup_with(namespaces_free_ptr) struct namespaces *n = namespaces_alloc();

	if (!n)
		return err_oom(err);
	for (size_t i = 0; i < list->count; i++) {
		const struct namespace_type *type =
			namespace_type_by_name(list->items[i].type);

		if (!type)
			return err_say(err, EINVAL, "linux.namespaces: unknown type %s",
				list->items[i].type);
		n->joined_flags |= type->flag;
	}
	if ((n->joined_flags & CLONE_NEWUSER) && is_own_userns(pid_dirfd, "ns/user"))
		n->joined_flags &= ~(uint64_t)CLONE_NEWUSER;
	n->pidfd = pidfd;
	if (n->joined_flags & CLONE_NEWNS) {
		n->root_fd = openat(pid_dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (n->root_fd < 0)
			return err_set(
				err, errno, "open the root directory of the container");
	}
	*ret = take_ptr(n);
	return 0;
}

uint64_t namespaces_clone_flags(const struct namespaces *n)
{
	return n->new_flags & ~MADE_BY_CHILD;
}

bool namespaces_is_new(const struct namespaces *n, uint64_t flag)
{
	return n->new_flags & flag;
}

bool namespaces_is_own(const struct namespaces *n, uint64_t flag)
{
	return (n->new_flags | n->joined_flags) & flag;
}

bool namespaces_must_join(const struct namespaces *n)
{
	return n->joined_flags != 0;
}

static int join_failed(size_t i, struct err *err)
{
	return err_set(err, errno, "join %s namespace", types[i].name);
}

/* Joins all but the user namespace. What is not permitted is left for later in *ret_left.
 */
static int join_others(
	const struct namespaces *n, uint64_t wanted, uint64_t *ret_left, struct err *err)
{
	uint64_t left = 0;

	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (n->fds[i] < 0 || !(types[i].flag & wanted))
			continue;
		if (setns(n->fds[i], (int)types[i].flag) == 0)
			continue;
		if (errno != EPERM)
			return join_failed(i, err);
		left |= types[i].flag;
	}
	*ret_left = left;
	return 0;
}

/*
 * A namespace of the host can only be joined before the user namespace is left, one that
 * belongs to the user namespace perhaps only after it was entered.
 */
static int join_each(const struct namespaces *n, struct err *err)
{
	uint64_t left;
	int r;

	r = join_others(n, n->joined_flags & ~(uint64_t)CLONE_NEWUSER, &left, err);
	if (r < 0)
		return r;
	if (n->fds[0] >= 0 && setns(n->fds[0], CLONE_NEWUSER) < 0)
		return join_failed(0, err);
	r = join_others(n, left, &left, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		errno = EPERM;
		if (left & types[i].flag)
			return join_failed(i, err);
	}
	return 0;
}

int namespaces_join(const struct namespaces *n, struct err *err)
{
	if (n->pidfd < 0)
		return join_each(n, err);
	if (n->joined_flags && setns(n->pidfd, (int)n->joined_flags) < 0)
		return err_set(err, errno, "join the namespaces of the container");
	/* setns() leads to the root of the mount namespace. That is another directory than the
	 * container's where its creator itself lived in a chroot: there it is the host's. */
	if (n->root_fd >= 0 && (fchdir(n->root_fd) < 0 || chroot(".") < 0))
		return err_set(err, errno, "enter the root directory of the container");
	return 0;
}

/* ---- the isolator ------------------------------------------------------------------ */

/* What of the specification makes no sense in a namespace of the host. */
static int check_needs(const struct isolation *isolation, struct err *err)
{
	const struct spec *spec = isolation->spec;
	const struct namespaces *n = isolation->namespaces;
	const struct {
		bool is_wanted;
		uint64_t flag;
		const char *what;
	} needs[] = {
		{ !str_empty(spec->hostname), CLONE_NEWUTS, "hostname" },
		{ !str_empty(spec->domainname), CLONE_NEWUTS, "domainname" },
		{ spec->mounts.count > 0, CLONE_NEWNS, "mounts" },
		{ strv_len(spec->linux_.masked_paths) > 0, CLONE_NEWNS,
			"linux.maskedPaths" },
		{ strv_len(spec->linux_.readonly_paths) > 0, CLONE_NEWNS,
			"linux.readonlyPaths" },
		{ spec->root.readonly, CLONE_NEWNS, "root.readonly" },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (needs[i].is_wanted && !namespaces_is_own(n, needs[i].flag))
			return err_say(err, EINVAL,
				"%s needs a %s namespace of the container's own",
				needs[i].what,
				namespace_type_by_flag(needs[i].flag)->name);
	}
	if ((spec->linux_.time_offsets.monotonic.is_set ||
		    spec->linux_.time_offsets.boottime.is_set) &&
		!namespaces_is_new(n, CLONE_NEWTIME))
		return err_say(
			err, EINVAL, "linux.timeOffsets needs a new time namespace");
	return 0;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	int r = namespaces_new(
		&isolation->spec->linux_.namespaces, &isolation->namespaces, err);

	if (r < 0)
		return r;
	isolation->has_new_userns =
		namespaces_is_new(isolation->namespaces, CLONE_NEWUSER);
	if (isolation->is_rootless &&
		!namespaces_is_own(isolation->namespaces, CLONE_NEWUSER)) {
		(void)err_say(
			err, EPERM, "a normal user's container needs a user namespace");
		return err_hint(err,
			"add {\"type\":\"user\"} to linux.namespaces, or run as root");
	}
	return check_needs(isolation, err);
}

/*
 * A process whose credentials changed is not dumpable, and then its procfs files belong
 * to the host's root (proc(5)), whom a user namespace cannot act as.
 */
static int write_offsets(const char *text)
{
	static const char path[] = "/proc/self/timens_offsets";
	int dumpable, r;

	r = fd_write_kernel_file(AT_FDCWD, path, text);
	if (r != -EACCES)
		return r;
	dumpable = prctl(PR_GET_DUMPABLE);
	(void)prctl(PR_SET_DUMPABLE, 1);
	r = fd_write_kernel_file(AT_FDCWD, path, text);
	(void)prctl(PR_SET_DUMPABLE, dumpable);
	return r;
}

static int set_offsets(const struct spec *spec, struct err *err)
{
	const struct {
		const char *clock;
		const struct spec_time_offset *offset;
	} rows[] = {
		{ "monotonic", &spec->linux_.time_offsets.monotonic },
		{ "boottime", &spec->linux_.time_offsets.boottime },
	};
	char text[128];
	int r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].offset->is_set)
			continue;
		(void)snprintf(text, sizeof(text), "%s %lld %u\n", rows[i].clock,
			(long long)rows[i].offset->secs, rows[i].offset->nanosecs);
		r = write_offsets(text);
		if (r < 0)
			return err_set(err, -r, "linux.timeOffsets.%s", rows[i].clock);
	}
	return 0;
}

/* unshare(2) makes a time namespace for children only; its maker enters it by setns(2).
 */
static int enter_time_namespace(const struct spec *spec, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = set_offsets(spec, err);
	if (r < 0)
		return r;
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_set(err, errno, "enter the new time namespace");
	return 0;
}

static int raise_loopback(struct err *err)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_set(err, errno, "bring the loopback interface up");
	return 0;
}

/* A mount of type cgroup shows the container's own cgroups, whose paths the new cgroup
 * namespace is about to hide. */
static int keep_cgroup_paths(struct isolation *isolation, struct err *err)
{
	const struct spec_mounts *mounts = &isolation->spec->mounts;
	char text[CGROUP_PATHS_MAX];
	int r;

	for (size_t i = 0; i < mounts->count; i++) {
		const char *type = mounts->items[i].type;

		if (!type || (!str_eq(type, "cgroup") && !str_eq(type, "cgroup2")))
			continue;
		r = fd_read_kernel_file(
			AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
		if (r < 0)
			return err_set(err, -r, "read /proc/self/cgroup");
		return str_set(&isolation->cgroup_paths, text) < 0 ? err_oom(err) : 0;
	}
	return 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec *spec = isolation->spec;
	const struct namespaces *n = isolation->namespaces;
	uint64_t flags = n->new_flags & MADE_BY_CHILD;
	int r;

	r = keep_cgroup_paths(isolation, err);
	if (r < 0)
		return r;
	if (flags && unshare((int)flags) < 0)
		return err_set(err, errno, "make a cgroup or time namespace");
	if (flags & CLONE_NEWTIME)
		r = enter_time_namespace(spec, err);
	if (r == 0 && namespaces_is_new(n, CLONE_NEWNET))
		r = raise_loopback(err);
	if (r < 0)
		return r;
	if (!str_empty(spec->hostname) &&
		sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_set(err, errno, "set the host name to %s", spec->hostname);
	if (!str_empty(spec->domainname) &&
		setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return err_set(err, errno, "set the domain name to %s", spec->domainname);
	return 0;
}

static void release(struct isolation *isolation)
{
	namespaces_free(isolation->namespaces);
	isolation->namespaces = NULL;
}

const struct isolator namespaces_isolator = {
	.name = "namespaces",
	.prepare = prepare,
	.isolate = isolate,
	.release = release,
};
