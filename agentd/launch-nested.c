/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-nested-private.h"

#include "agentd/bundle-private.h"
#include "agentd/container-nested.h"
#include "agentd/container-private.h"
#include "agentd/launch-share.h"
#include "agentd/run-fields.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PARENT_FORMAT "parent"
#define WHOSE "the container that this one is in"
#define SYS_PLACE "/sys"

int launch_nested_image(struct image **ret, struct err *err)
{
	cleanup_image struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return err_oom(err);
	image->lease_fd = -1;
	if (str_set(&image->format, PARENT_FORMAT) < 0)
		return err_oom(err);
	*ret = take_ptr(image);
	return 0;
}

static bool is_parents_root(const struct image *image)
{
	return image->format && str_eq(image->format, PARENT_FORMAT);
}

void launch_nested_done(struct launch_nested *nested)
{
	int *fds[] = { &nested->pidfd, &nested->proc_dirfd, &nested->network_fd,
		&nested->root_fd, &nested->keep_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(take_fd(fds[i]));
	}
	for (size_t i = 0; i < nested->mount_count; i++) {
		if (nested->mount_fds[i] >= 0)
			(void)close(nested->mount_fds[i]);
	}
	free(nested->mount_fds);
	free(nested->user);
	strv_free(nested->parents);
	spec_free(nested->spec);
	runtime_state_done(&nested->state);
}

/* ---- what may be asked for at all ---- */

/* Of the options, those that say nothing about the host, or are held against the parent here. An
 * option that is not listed is refused. */
static const char *const free_options[] = {
	"uris",
	"command",
	"entrypoint",
	"env",
	"env_removed",
	"labels",
	"workdir",
	"user",
	"hostname",
	"is_interactive",
	"has_terminal",
	"is_auto_removed",
	"is_read_only",
	"has_init",
	"volumes",
	"tmpfs",
	"devices",
	"secrets",
	"secret_env",
	"shm_size",
	"memory",
	"memory_reservation",
	"memory_swap",
	"cpus",
	"cpu_shares",
	"cpuset_cpus",
	"pids_limit",
	"ulimits",
	"sysctls",
	"cap_add",
	"cap_drop",
	"network",
	"security_opts",
	"may_gain_privileges",
	"userns",
	"log_max_size",
	"log_max_files",
	"stop_signal",
	"stop_timeout",
	"has_nesting",
	"is_session",
};

static bool is_free(const char *option)
{
	for (size_t i = 0; i < sizeof(free_options) / sizeof(free_options[0]); i++) {
		if (str_eq(free_options[i], option))
			return true;
	}
	return false;
}

static int check_options(const struct run_options *options, struct err *err)
{
	for (const struct json_field *f = run_fields; f->key; f++) {
		if (!is_free(f->key) && run_field_is_asked(f, options))
			return err_say(err, EACCES,
				"%s: a container in a container cannot have it; it has what "
				"the one that it is in has",
				f->key);
	}
	return 0;
}

static int choose_network(struct launch_nested *nested, struct err *err)
{
	const char *asked = nested->options.network;

	nested->shares_network = !asked || str_eq(asked, "parent");
	if (!nested->shares_network && !str_eq(asked, "none"))
		return err_say(err, EACCES,
			"--network %s: a container in a container has its network "
			"(\"parent\"), or \"none\"",
			asked);
	/* For the rest of the specification, both the host's and the parent's are another's. */
	nested->options.network = nested->shares_network ? "host" : "none";
	return 0;
}

/* ---- the parent ---- */

int launch_nested_check_exec(
	const struct container *container, const char *user, struct err *err)
{
	if (!container->ids.count)
		return err_say(err, EACCES,
			"the container has no ids of its own: only the host's root executes in it");
	if (container->has_fixed_user && !(user && str_eq(user, container->user)))
		return err_say(err, EACCES,
			"--user %.80s: the container that this one is in is user %s",
			user ? user : "0", container->user);
	return 0;
}

/* Ids of a user namespace of its own reach nothing but what is shared with the parent. A network has
 * unix sockets without a place in the files: over them a process of the parent hands on anything. */
static bool may_be_anybody(const struct launch_nested *nested)
{
	return nested->ids.count && !nested->shares_root && !nested->shares_network &&
	       !strv_len(nested->options.volumes) && !strv_len(nested->options.devices);
}

static uint32_t id_inside(const struct id_range *range, uint32_t id)
{
	return range->count && id - range->first < range->count ? id - range->first : id;
}

/* Who is not root in the parent must not become it over what is the parent's, nor on the host. */
static int choose_user(struct launch_nested *nested, struct err *err)
{
	uid_t uid = 0;
	gid_t gid = 0;
	int r;

	if (may_be_anybody(nested))
		return 0;
	r = process_ids(nested->proc_dirfd, &uid, &gid);
	if (r < 0)
		return err_set(err, -r, "look at the container that this one is in");
	uid = id_inside(&nested->ids, uid);
	gid = id_inside(&nested->ids, gid);
	if (uid == 0)
		return 0;
	nested->user = str_printf("%u:%u", uid, gid);
	if (!nested->user)
		return err_oom(err);
	if (nested->options.user && !str_eq(nested->options.user, nested->user)) {
		(void)err_say(err, EACCES,
			"--user %s: the container that this one is in is user %s",
			nested->options.user, nested->user);
		return err_hint(err,
			"leave it out, or share nothing with that one: --network "
			"none, and neither files nor devices of it");
	}
	nested->options.user = nested->user;
	return 0;
}

/* The same ids as the parent's: files that they share have the same owners. */
static int choose_ids(
	struct launch_nested *nested, const struct container *parent, struct err *err)
{
	const char *asked = nested->options.userns;

	if (asked && !str_eq(asked, parent->ids.count ? "auto" : "host"))
		return err_say(err, EACCES,
			"--userns %s: a container in a container has the ids of that one",
			asked);
	nested->options.userns = NULL;
	nested->ids = parent->ids;
	return 0;
}

static int load_parent(
	struct launch_nested *nested, const struct container *parent, struct err *err)
{
	int r = container_spec(parent->dirfd, &nested->spec, err);

	if (r == 0)
		r = runtime_state_load(parent->dirfd, &nested->state, err);
	if (r < 0)
		return r;
	if (!nested->state.cgroup_path || !nested->state.has_cgroup_leaf) {
		(void)err_say(err, EACCES,
			"container %.*s was not made for containers in it",
			CONTAINER_SHORT_ID, parent->id);
		return err_hint(
			err, "launch it with --nesting (\"nesting\": true in the call)");
	}
	r = runtime_state_open(&nested->state, &nested->pidfd, &nested->proc_dirfd);
	return r < 0 ? err_say(err, -r, "the container that this one is in has ended")
		     : 0;
}

static int set_parents(
	struct launch_nested *nested, const struct container *parent, struct err *err)
{
	if (strv_len(parent->parents) >= CONTAINER_DEPTH_MAX)
		return err_say(err, EACCES,
			"containers are nested %d deep already, which is the most",
			CONTAINER_DEPTH_MAX);
	if (strv_copy(parent->parents, &nested->parents) < 0 ||
		strv_add(&nested->parents, parent->id) < 0)
		return err_oom(err);
	return 0;
}

int launch_nested_plan(struct engine *engine, const struct launch_request *request,
	struct launch_nested *ret, struct err *err)
{
	int r;

	if (!request->parent)
		return 0;
	ret->engine = engine;
	memcpy(&ret->options, request->options, sizeof(ret->options));
	ret->shares_root = is_parents_root(request->image);
	r = check_options(&ret->options, err);
	if (r == 0)
		r = choose_network(ret, err);
	if (r == 0)
		r = choose_ids(ret, request->parent, err);
	if (r == 0)
		r = set_parents(ret, request->parent, err);
	if (r == 0)
		r = load_parent(ret, request->parent, err);
	if (r == 0)
		r = choose_user(ret, err);
	ret->volumes = ret->options.volumes;
	ret->devices = ret->options.devices;
	ret->options.volumes = ret->options.devices = NULL;
	return r;
}

/* ---- volumes ---- */

/* "ro" adds to what the parent's mount is; nothing takes away from it. */
static const struct {
	const char *word, *option;
} volume_words[] = {
	{ "ro", "rro" },
	{ "noexec", "rnoexec" },
	{ "rw", NULL },
	{ "z", NULL },
	{ "Z", NULL },
	{ "nocopy", NULL },
};

static int add_word(const char *word, strv *options)
{
	for (size_t i = 0; i < sizeof(volume_words) / sizeof(volume_words[0]); i++) {
		if (str_eq(volume_words[i].word, word))
			return volume_words[i].option
				       ? strv_add(options, volume_words[i].option)
				       : 0;
	}
	return -EINVAL;
}

static int say_volume(const char *text, struct err *err)
{
	return err_say(err, EINVAL,
		"--volume %s: want PATH:PATH[:ro,noexec], both absolute: "
		"the first is one of the container that this one is in",
		text);
}

static int add_volume(
	const char *text, struct spec_mounts *mounts, strv *paths, struct err *err)
{
	cleanup_free char *copy = strdup(text);
	char *words = copy, *source, *destination;
	int r;

	if (!copy)
		return err_oom(err);
	source = strsep(&words, ":");
	destination = words ? strsep(&words, ":") : NULL;
	if (!destination || *source != '/' || *destination != '/')
		return say_volume(text, err);
	r = bundle_add_mount(mounts, "bind", source, destination, "rbind,rprivate", err);
	if (r < 0)
		return r;
	if (strv_add(paths, source) < 0)
		return err_oom(err);
	for (char *word; words && (word = strsep(&words, ","));) {
		r = add_word(word, &mounts->items[mounts->count - 1].options);
		if (r < 0)
			return r == -EINVAL ? say_volume(text, err) : err_oom(err);
	}
	return 0;
}

/* The specification's mounts up to here are ordinary ones. */
static int add_volumes(
	struct launch_nested *nested, struct spec *spec, strv *paths, struct err *err)
{
	int r = 0;

	strv_each (text, nested->volumes) {
		r = add_volume(*text, &spec->mounts, paths, err);
		if (r < 0)
			return r;
	}
	nested->mount_fds = launch_share_no_fds(spec);
	if (!nested->mount_fds)
		return err_oom(err);
	nested->mount_count = spec->mounts.count;
	return 0;
}

/* ---- what is shared ---- */

/* What of the kernel's shows a network is that of the parent's network. */
static bool find_sys(
	const struct launch_nested *nested, const struct spec *spec, size_t *ret)
{
	ssize_t at =
		nested->shares_network ? launch_share_find_mount(spec, SYS_PLACE) : -1;

	*ret = at < 0 ? 0 : (size_t)at;
	return at >= 0 && str_eq(spec->mounts.items[at].type, "bind");
}

static int share_trees(struct launch_nested *nested, struct spec *spec, struct err *err)
{
	cleanup_strv strv paths = NULL;
	cleanup_free int *fds = NULL;
	size_t first = spec->mounts.count, volumes, count = 0, sys_at = 0;
	bool shares_sys = find_sys(nested, spec, &sys_at);
	int r = add_volumes(nested, spec, &paths, err);

	volumes = strv_len(paths);
	if (r == 0 && shares_sys)
		r = strv_add(&paths, SYS_PLACE) < 0 ? err_oom(err) : 0;
	if (r == 0 && nested->shares_root)
		r = strv_add(&paths, "/") < 0 ? err_oom(err) : 0;
	if (r < 0 || !paths)
		return r;
	fds = calloc(strv_len(paths), sizeof(int));
	r = fds ? launch_share_trees(nested->proc_dirfd, WHOSE, paths, fds, err)
		: err_oom(err);
	if (r < 0)
		return r;
	for (; count < volumes; count++)
		nested->mount_fds[first + count] = fds[count];
	if (shares_sys)
		nested->mount_fds[sys_at] = fds[count++];
	if (nested->shares_root)
		nested->root_fd = fds[count];
	return 0;
}

static int share_network(struct launch_nested *nested, struct spec *spec, struct err *err)
{
	if (!nested->shares_network ||
		!launch_share_has_namespace(nested->spec, "network"))
		return 0;
	nested->network_fd = openat(nested->proc_dirfd, "ns/net", O_RDONLY | O_CLOEXEC);
	if (nested->network_fd < 0)
		return err_set(err, errno, "open the network of the container it is in");
	return launch_share_namespace(spec, "network", nested->network_fd, err);
}

int launch_nested_bundle(
	struct launch_nested *nested, struct bundle *bundle, struct err *err)
{
	struct spec *spec = bundle->spec;
	int r;

	if (!nested->spec)
		return 0;
	r = launch_nested_restrict(nested, spec, err);
	if (r == 0 && nested->shares_root && !nested->options.workdir &&
		str_set(&spec->process.cwd, nested->spec->process.cwd) < 0)
		r = err_oom(err);
	/* The parent's socket is in its root, too. */
	if (r == 0 && nested->shares_root && !nested->options.has_nesting &&
		strv_add(&spec->linux_.masked_paths, NESTING_PLACE) < 0)
		r = err_oom(err);
	if (r == 0)
		r = share_network(nested, spec, err);
	return r == 0 ? share_trees(nested, spec, err) : r;
}

/* ---- files ---- */

int launch_nested_files(const struct launch_nested *nested, int dirfd, struct err *err)
{
	if (!nested->spec || !nested->shares_network)
		return 0;
	return launch_share_files(nested->engine,
		nested->parents[strv_len(nested->parents) - 1], WHOSE, dirfd, err);
}

/* ---- the creation ---- */

int launch_nested_begin(
	struct launch_nested *nested, struct runtime_request *request, struct err *err)
{
	const char *parent;

	if (!nested->spec)
		return 0;
	parent = nested->parents[strv_len(nested->parents) - 1];
	nested->keep_fd = container_keep(nested->engine, parent, err);
	if (nested->keep_fd < 0)
		return nested->keep_fd;
	request->cgroup_parent = nested->state.cgroup_path;
	request->mount_fds = nested->mount_fds;
	request->mount_count = nested->mount_count;
	return 0;
}

void launch_nested_created(struct launch_nested *nested)
{
	container_let_end(&nested->keep_fd);
}
