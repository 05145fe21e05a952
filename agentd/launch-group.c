/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-group.h"

#include "agentd/bundle-private.h"
#include "agentd/container-private.h"
#include "agentd/launch-share.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "runtime/status.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define WHOSE "what the group shares"
#define SHM_PLACE "/dev/shm"
#define PLACE_ANNOTATION                                                                 \
	"org.ucr.group.volume." /* of a number: where the tasks have it */
#define NAMESPACE_COUNT 3

/* By their names in a specification and in /proc/PID/ns. */
static const struct {
	const char *type, *file;
} shared[NAMESPACE_COUNT] = {
	{ "user", "ns/user" },
	{ "network", "ns/net" },
	{ "ipc", "ns/ipc" },
};

void launch_group_done(struct launch_group *group)
{
	int *fds[] = { &group->pidfd, &group->proc_dirfd, &group->namespace_fds[0],
		&group->namespace_fds[1], &group->namespace_fds[2] };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(take_fd(fds[i]));
	}
	for (size_t i = 0; i < group->mount_count; i++) {
		if (group->mount_fds[i] >= 0)
			(void)close(group->mount_fds[i]);
	}
	free(group->mount_fds);
	spec_free(group->spec);
}

/* ---- the plan ---- */

static int open_holder(struct launch_group *group, struct err *err)
{
	struct runtime_state state = { 0 };
	int r = container_spec(group->holder->dirfd, &group->spec, err);

	if (r == 0)
		r = runtime_state_load(group->holder->dirfd, &state, err);
	if (r == 0) {
		r = runtime_state_open(&state, &group->pidfd, &group->proc_dirfd);
		if (r < 0)
			(void)err_say(err, -r, WHOSE " has ended");
	}
	runtime_state_done(&state);
	return r;
}

static int open_namespaces(struct launch_group *group, struct err *err)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		int *fd = &group->namespace_fds[i];

		if (!launch_share_has_namespace(group->spec, shared[i].type))
			continue;
		*fd = openat(group->proc_dirfd, shared[i].file, O_RDONLY | O_CLOEXEC);
		if (*fd < 0)
			return err_set(err, errno, "open the group's %s namespace",
				shared[i].type);
	}
	return 0;
}

int launch_group_plan(struct engine *engine, const struct launch_request *request,
	struct launch_group *ret, struct err *err)
{
	int r;

	if (!request->holder)
		return 0;
	ret->engine = engine;
	ret->holder = request->holder;
	ret->options = *request->options;
	r = open_holder(ret, err);
	if (r == 0)
		r = open_namespaces(ret, err);
	if (r < 0)
		return r;
	/* For the rest of the specification the network is another's, as the host's is. */
	ret->options.network = "host";
	ret->options.hostname = ret->spec->hostname;
	return 0;
}

/* ---- what is shared ---- */

static int share_namespaces(
	const struct launch_group *group, struct spec *spec, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < NAMESPACE_COUNT; i++) {
		if (group->namespace_fds[i] >= 0)
			r = launch_share_namespace(
				spec, shared[i].type, group->namespace_fds[i], err);
	}
	return r;
}

static int replace_mount(struct spec_mount *mount, const char *type, const char *source,
	char *const *options, struct err *err)
{
	strv_free(take_ptr(mount->options));
	return str_set(&mount->type, type) < 0 || str_set(&mount->source, source) < 0 ||
			       strv_copy(options, &mount->options) < 0
		       ? err_oom(err)
		       : 0;
}

/* Of the group's own network: as the holder shows it. */
static int share_sys(const struct launch_group *group, struct spec *spec, struct err *err)
{
	ssize_t at = launch_share_find_mount(spec, "/sys"),
		theirs = launch_share_find_mount(group->spec, "/sys");
	const struct spec_mount *as;

	if (at < 0 || theirs < 0)
		return 0;
	as = &group->spec->mounts.items[theirs];
	return replace_mount(
		&spec->mounts.items[at], as->type, as->source, as->options, err);
}

static char *const tree_options[] = { (char *)"rbind", (char *)"rprivate", NULL };

/* Of what a task asks for itself: the text of its place is between these. */
static const struct {
	size_t offset;
	char before, after; /* before 0: from the beginning */
} own_places[] = {
	{ offsetof(struct run_options, volumes), ':', ':' },
	{ offsetof(struct run_options, tmpfs), 0, ':' },
	{ offsetof(struct run_options, secrets), 0, '=' },
};

static int check_own(
	const char *text, char before, char after, const char *place, struct err *err)
{
	const char *at = before ? strchr(text, before) : text, end[] = { after, '\0' };
	cleanup_free char *own = NULL, *clean = NULL;

	if (!at)
		return 0;
	at += before != 0;
	own = strndup(at, strcspn(at, end));
	clean = own ? path_clean(own) : NULL;
	if (!clean)
		return err_oom(err);
	return path_below(clean, place)
		       ? err_say(err, EINVAL,
				 "container.volumes: %s is at or below %s, a volume of the "
				 "group",
				 clean, place)
		       : 0;
}

/* They would be covered by the group's, which are mounted later. */
static int check_owns(
	const struct run_options *options, const char *place, struct err *err)
{
	int r = 0;

	if (!place)
		return err_say(err, EPROTO,
			"the configuration of " WHOSE
			" does not say where its volumes are: "
			"launch the group again");
	for (size_t i = 0; i < sizeof(own_places) / sizeof(own_places[0]); i++) {
		char *const *texts =
			*(char *const *const *)(const void *)((const char *)options +
							      own_places[i].offset);

		strv_each (text, texts) {
			if (r == 0)
				r = check_own(*text, own_places[i].before,
					own_places[i].after, place, err);
		}
	}
	return r;
}

/* As they lie in the holder: `paths`; and where the tasks have them. */
static int add_volumes(
	const struct launch_group *group, struct spec *spec, strv *paths, struct err *err)
{
	size_t first = (size_t)launch_share_find_mount(group->spec, LAUNCH_GROUP_PLACE);

	for (size_t i = first; i < group->spec->mounts.count; i++) {
		const char *path = group->spec->mounts.items[i].destination;
		cleanup_free char *name = str_printf(PLACE_ANNOTATION "%zu", i - first);
		const char *place =
			name ? strv_env_get(group->spec->annotations, name) : NULL;
		int r = name ? check_owns(&group->options, place, err) : err_oom(err);

		if (r == 0)
			r = bundle_add_mount(&spec->mounts, "bind", place, place,
				"rbind,rprivate", err);
		if (r == 0 && strv_add(paths, path) < 0)
			r = err_oom(err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int share_trees(struct launch_group *group, struct spec *spec, struct err *err)
{
	cleanup_strv strv paths = NULL;
	cleanup_free int *fds = NULL;
	ssize_t shm = launch_share_find_mount(spec, SHM_PLACE);
	size_t own = spec->mounts.count, count = 0;
	int r = strv_add(&paths, SHM_PLACE) < 0 || shm < 0 ? err_oom(err) : 0;

	if (r == 0)
		r = replace_mount(
			&spec->mounts.items[shm], "bind", SHM_PLACE, tree_options, err);
	if (r == 0)
		r = add_volumes(group, spec, &paths, err);
	if (r < 0)
		return r;
	fds = calloc(strv_len(paths), sizeof(int));
	group->mount_fds = launch_share_no_fds(spec);
	r = fds && group->mount_fds
		    ? launch_share_trees(group->proc_dirfd, WHOSE, paths, fds, err)
		    : err_oom(err);
	if (r < 0)
		return r;
	group->mount_count = spec->mounts.count;
	group->mount_fds[shm] = fds[count++];
	while (own < group->mount_count)
		group->mount_fds[own++] = fds[count++];
	return 0;
}

/* Those of an image would be the others', too. */
static int drop_sysctls(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	if (strv_len(request->options->sysctls))
		return err_say(err, EINVAL,
			"sysctls: a task of a group has those of the group alone");
	strv_each (text, spec->linux_.sysctl)
		notes_add(request->notes,
			"%s: left out, as the namespaces are the group's", *text);
	strv_free(take_ptr(spec->linux_.sysctl));
	return 0;
}

static int share(struct launch_group *group, const struct bundle_request *request,
	struct spec *spec, struct err *err)
{
	int r = drop_sysctls(request, spec, err);

	if (r == 0)
		r = share_namespaces(group, spec, err);
	if (r == 0)
		r = share_sys(group, spec, err);
	return r == 0 ? share_trees(group, spec, err) : r;
}

/* ---- what the holder keeps ---- */

/* What is made in an IPC namespace stays when who made it has gone, and his cgroup: it may be no more
 * than /dev/shm is. A user's is within his own limits. */
static int bound_ipc(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	static const char *const bounds[] = { "kernel.shm_rmid_forced=1",
		"kernel.msgmni=256", "kernel.sem=250 32000 100 128", NULL };
	uint64_t bytes, page = (uint64_t)sysconf(_SC_PAGESIZE);
	cleanup_free char *all = NULL;
	int r = bundle_shm_bytes(request->options, &bytes, err);

	if (r < 0 || request->is_rootless)
		return r;
	all = str_printf("kernel.shmall=%llu", (unsigned long long)(bytes / page));
	r = all ? strv_env_set(&spec->linux_.sysctl, all) : -ENOMEM;
	for (const char *const *bound = bounds; r == 0 && *bound; bound++)
		r = strv_env_set(&spec->linux_.sysctl, *bound);
	return r < 0 ? err_oom(err) : 0;
}

/* Tasks can change what is in a volume, and so where in it another one would be mounted. */
static int check_apart(char *const *places, const char *place, struct err *err)
{
	strv_each (other, places) {
		bool is_inner = path_below(place, *other);

		if (is_inner || path_below(*other, place))
			return err_say(err, EINVAL,
				"executor.container.volumes: %s lies in %s, which the tasks "
				"of the group can change",
				is_inner ? place : *other, is_inner ? *other : place);
	}
	return 0;
}

static int keep_volume(
	struct spec *spec, struct spec_mount *mount, strv *places, struct err *err)
{
	size_t number = strv_len(*places);
	char *place = path_clean(mount->destination);
	int r = place ? check_apart(*places, place, err) : err_oom(err);

	if (r < 0) {
		free(place);
		return r;
	}
	if (strv_take(places, place) < 0 ||
		strv_take(&spec->annotations,
			str_printf(PLACE_ANNOTATION "%zu=%s", number, place)) < 0)
		return err_oom(err);
	if (number == 0)
		return 0;
	free(mount->destination);
	mount->destination = str_printf(LAUNCH_GROUP_VOLUMES "/%zu", number);
	return mount->destination ? 0 : err_oom(err);
}

static int keep(const struct bundle_request *request, struct spec *spec, struct err *err)
{
	cleanup_strv strv places = NULL;
	size_t first = (size_t)launch_share_find_mount(spec, LAUNCH_GROUP_PLACE);
	int r = bound_ipc(request, spec, err);

	for (size_t i = first; r == 0 && i < spec->mounts.count; i++)
		r = keep_volume(spec, &spec->mounts.items[i], &places, err);
	return r;
}

int launch_group_bundle(struct launch_group *group, const struct bundle_request *request,
	struct bundle *bundle, struct err *err)
{
	if (request->options->holds_group)
		return keep(request, bundle->spec, err);
	return group->holder ? share(group, request, bundle->spec, err) : 0;
}

/* ---- files ---- */

/* Whoever the containers run as, and whatever the umask is. */
static int make_directory(int dirfd, struct err *err)
{
	cleanup_close int fd = fd_mkdir_open(dirfd, LAUNCH_GROUP_DIRECTORY, 0700);

	return fd < 0 || fchmod(fd, 01777) < 0
		       ? err_set(err, fd < 0 ? -fd : errno,
				 "make the directory that the group shares")
		       : 0;
}

int launch_group_files(const struct launch_group *group, const struct run_options *asked,
	int dirfd, struct err *err)
{
	if (asked->holds_group)
		return make_directory(dirfd, err);
	return group->holder ? launch_share_files(group->engine, group->holder->id, WHOSE,
				       dirfd, err)
			     : 0;
}

void launch_group_begin(const struct launch_group *group, struct runtime_request *request)
{
	if (!group->holder)
		return;
	request->mount_fds = group->mount_fds;
	request->mount_count = group->mount_count;
}
