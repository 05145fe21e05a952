/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "agentd/launch-group.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_SHM_BYTES (64ULL << 20)

struct default_mount {
	const char *type, *destination, *options, *rootless_options; /* NULL: the same */
};

/* A user's namespace maps no group 5 ("tty"), so that devpts cannot be told of it. */
static const struct default_mount default_mounts[] = {
	{ "proc", "/proc", "nosuid,noexec,nodev", NULL },
	{ "tmpfs", "/dev", "nosuid,noexec,strictatime,mode=755,size=65536k", NULL },
	{ "devpts", "/dev/pts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
		"nosuid,noexec,newinstance,ptmxmode=0666,mode=0620" },
	{ "mqueue", "/dev/mqueue", "nosuid,noexec,nodev", NULL },
	{ "sysfs", "/sys", "nosuid,noexec,nodev,ro", NULL },
	{ "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,relatime,ro", NULL },
};

/* sysfs shows a network namespace, and only its owner may mount it. */
static int add_sysfs_of_host(struct spec_mounts *mounts, struct err *err)
{
	return bundle_add_mount(mounts, "bind", "/sys", "/sys",
		"rbind,rslave,nosuid,noexec,nodev,ro", err);
}

static int add_defaults(
	const struct bundle_request *request, struct spec_mounts *mounts, struct err *err)
{
	bool binds_sys = (request->is_rootless || request->has_own_ids) &&
			 bundle_network_mode(request->options) == NETWORK_HOST;
	const struct default_mount *m;
	const char *options;
	int r;

	for (size_t i = 0; i < sizeof(default_mounts) / sizeof(default_mounts[0]); i++) {
		m = &default_mounts[i];
		options = request->is_rootless && m->rootless_options
				  ? m->rootless_options
				  : m->options;
		if (binds_sys && str_eq(m->type, "sysfs"))
			r = add_sysfs_of_host(mounts, err);
		else
			r = bundle_add_mount(
				mounts, m->type, m->type, m->destination, options, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int bundle_shm_bytes(const struct run_options *options, uint64_t *ret, struct err *err)
{
	*ret = DEFAULT_SHM_BYTES;
	if (options->shm_size && str_to_bytes(options->shm_size, ret) < 0)
		return err_say(
			err, EINVAL, "--shm-size %s: not a size", options->shm_size);
	return 0;
}

static int add_shm(
	const struct run_options *options, struct spec_mounts *mounts, struct err *err)
{
	uint64_t bytes;
	char text[96];
	int r = bundle_shm_bytes(options, &bytes, err);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "nosuid,noexec,nodev,mode=1777,size=%llu",
		(unsigned long long)bytes);
	return bundle_add_mount(mounts, "tmpfs", "shm", "/dev/shm", text, err);
}

/* Files of ours in the container's directory; no file of the image is written. */
static int add_own_files(
	const struct bundle_request *request, struct spec_mounts *mounts, struct err *err)
{
	static const struct {
		const char *name, *destination;
		bool needs_network;
	} files[] = {
		{ "hosts", "/etc/hosts", false },
		{ "hostname", "/etc/hostname", false },
		{ "resolv.conf", "/etc/resolv.conf", true },
	};
	int r;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_free char *source = NULL, *mount_options = NULL;

		if (files[i].needs_network &&
			bundle_network_mode(request->options) == NETWORK_NONE)
			continue;
		/* Nothing is made in the host's /etc. */
		if (sandbox_is_host(request->image) &&
			access(files[i].destination, F_OK) < 0)
			continue;
		source = str_printf("%s/%s", request->dir_path, files[i].name);
		mount_options = str_printf("bind,rprivate,nosuid,nodev,noexec%s%s",
			request->options->is_read_only ? ",ro" : "",
			bundle_idmap(request));
		if (!source || !mount_options)
			return err_oom(err);
		r = bundle_add_mount(
			mounts, "bind", source, files[i].destination, mount_options, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where the runtime mounts what it relies on itself. */
static const char *const reserved_places[] = { "/proc", "/sys", "/dev" };

static bool is_reserved_place(const char *path)
{
	size_t count = sizeof(reserved_places) / sizeof(reserved_places[0]);

	for (size_t i = 0; i < count; i++) {
		if (path_below(path, reserved_places[i]))
			return true;
	}
	return str_eq(path, "/");
}

static bool is_mounted(const struct spec_mounts *mounts, const char *destination)
{
	for (size_t i = 0; i < mounts->count; i++) {
		if (str_eq(mounts->items[i].destination, destination))
			return true;
	}
	return false;
}

/* An image's volumes live in the container's own layer, which goes with the container. Only a
 * read-only root needs a place for them: then it is memory, with what the image put there. */
static int add_image_volumes(
	const struct bundle_request *request, struct spec_mounts *mounts, struct err *err)
{
	int r;

	if (!request->options->is_read_only)
		return 0;
	strv_each (volume, request->image->config.volumes) {
		cleanup_free char *path = path_clean(*volume);

		if (!path)
			return err_oom(err);
		if (**volume != '/' || is_reserved_place(path) ||
			is_mounted(mounts, path))
			continue;
		r = bundle_add_mount(
			mounts, "tmpfs", "tmpfs", path, "nosuid,nodev,tmpcopyup", err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where an image says that its mount point is, but not where we must be sure of what is. */
static int add_volume(const struct bundle_request *request, const char *text,
	int source_fd, struct spec_mounts *mounts, struct err *err)
{
	const struct appc_mount_point *m =
		bundle_mount_point(&request->image->config.appc, text);
	cleanup_free char *clean = m ? path_clean(m->path) : NULL;
	cleanup_free char *full = bundle_volume_text(m, text);
	int r;

	if (!full || (m && !clean))
		return err_oom(err);
	if (clean && strchr(text, ':')[1] != '/' && is_reserved_place(clean))
		return err_say(err, EINVAL,
			"--volume %s: the image's mount point is %s, which no image may ask for",
			text, clean);
	r = bundle_volume(full, source_fd, mounts, err);
	if (r == 0 && request->has_own_ids &&
		strv_add(&mounts->items[mounts->count - 1].options, "idmap") < 0)
		return err_oom(err);
	return r;
}

/* A directory of the holder's own for all: whoever they run as, theirs is what they make in it. */
static int add_group_directory(
	const struct bundle_request *request, struct spec_mounts *mounts, struct err *err)
{
	cleanup_free char *source =
		str_printf("%s/" LAUNCH_GROUP_DIRECTORY, request->dir_path);
	cleanup_free char *options =
		str_printf("bind,rprivate,nosuid,nodev%s", bundle_idmap(request));

	if (!source || !options)
		return err_oom(err);
	return bundle_add_mount(mounts, "bind", source, LAUNCH_GROUP_PLACE, options, err);
}

int bundle_mounts(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	const struct run_options *options = request->options;
	struct spec_mounts *mounts = &spec->mounts;
	int r;

	r = add_defaults(request, mounts, err);
	if (r == 0)
		r = add_shm(options, mounts, err);
	if (r == 0)
		r = add_own_files(request, mounts, err);
	if (r == 0)
		r = sandbox_bundle_mount(request, mounts, err);
	if (r == 0 && bundle_has_init(request))
		r = bundle_add_mount(mounts, "bind", request->init_path,
			BUNDLE_INIT_TARGET, "bind,rprivate,ro,nosuid,nodev", err);
	if (r == 0 && options->holds_group)
		r = add_group_directory(request, mounts, err);
	if (r < 0)
		return r;
	strv_each (text, options->tmpfs) {
		r = bundle_tmpfs(*text, mounts, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; options->volumes && options->volumes[i]; i++) {
		r = add_volume(request, options->volumes[i],
			request->volume_fds ? request->volume_fds[i] : -1, mounts, err);
		if (r < 0)
			return r;
	}
	return add_image_volumes(request, mounts, err);
}
