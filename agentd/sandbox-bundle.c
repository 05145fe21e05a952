/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox, and the host's files as a root, add to a specification. */
#include "agentd/bundle-private.h"
#include "agentd/sandbox.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_FORMAT "host"
#define NOBODY "65534:65534"

/* What programs of the host need to run. */
static const char *const shown_places[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64",
	"libx32", "etc", "opt", "nix", "gnu", NULL };

/* Secrets below those, from a task that runs as root. */
static const char *const hidden_places[] = { "/etc/shadow", "/etc/shadow-",
	"/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd", "/etc/ssh",
	"/etc/ssl/private", "/etc/sudoers", "/etc/sudoers.d", "/etc/krb5.keytab",
	"/etc/ucr", SYSCONFDIR "/ucr", NULL };

static const char *const empty_places[] = { "/tmp", "/var/tmp", "/run", NULL };

int sandbox_host_image(bool is_rootless, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return err_oom(err);
	image->lease_fd = -1;
	/* Root's files of the host are not for a task; a user's are the user's own. */
	if (str_set(&image->format, HOST_FORMAT) < 0 ||
		(!is_rootless && str_set(&image->config.user, NOBODY) < 0))
		return err_oom(err);
	*ret = take_ptr(image);
	return 0;
}

bool sandbox_is_host(const struct image *image)
{
	return image->format && str_eq(image->format, HOST_FORMAT);
}

bool sandbox_is_wanted(const struct bundle_request *request)
{
	return strv_len(request->options->uris) > 0 || sandbox_is_host(request->image);
}

int sandbox_host_links(int root_dirfd, struct err *err)
{
	cleanup_close int host_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char target[PATH_MAX];
	ssize_t n;

	if (host_fd < 0)
		return err_set(err, errno, "open /");
	for (const char *const *name = shown_places; *name; name++) {
		n = readlinkat(host_fd, *name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (symlinkat(target, root_dirfd, *name) < 0)
			return err_set(err, errno, "make the link /%s", *name);
	}
	return 0;
}

static int add_host_place(const char *name, struct spec_mounts *mounts, struct err *err)
{
	cleanup_free char *path = str_printf("/%s", name);
	struct stat st;

	if (!path)
		return err_oom(err);
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return bundle_add_mount(mounts, "bind", path, path,
		"rbind,rprivate,ro,rro,nosuid,rnosuid,nodev,rnodev", err);
}

/* The engine's own directory may lie below what is shown. */
static int hide(const struct bundle_request *request, strv *masked)
{
	static const char between[] = "/containers/";
	size_t len = strlen(request->dir_path), tail = strlen(request->id);
	size_t cut = sizeof(between) - 1 + tail;
	int r = 0;

	for (const char *const *path = hidden_places; r == 0 && *path; path++)
		r = strv_add(masked, *path);
	if (r == 0 && len > cut)
		r = strv_take(masked, strndup(request->dir_path, len - cut));
	return r;
}

int sandbox_bundle_host(
	const struct bundle_request *request, struct spec *spec, struct err *err)
{
	int r = 0;

	if (!sandbox_is_host(request->image))
		return 0;
	spec->root.readonly = true;
	for (const char *const *name = shown_places; r == 0 && *name; name++)
		r = add_host_place(*name, &spec->mounts, err);
	for (const char *const *path = empty_places; r == 0 && *path; path++)
		r = bundle_add_mount(&spec->mounts, "tmpfs", "tmpfs", *path,
			"nosuid,nodev,mode=1777,size=64m", err);
	if (r < 0)
		return r;
	return hide(request, &spec->linux_.masked_paths) < 0 ? err_oom(err) : 0;
}

int sandbox_bundle_mount(
	const struct bundle_request *request, struct spec_mounts *mounts, struct err *err)
{
	cleanup_free char *source = NULL, *options = NULL;

	if (!sandbox_is_wanted(request))
		return 0;
	source = str_printf("%s/" SANDBOX_DIRECTORY, request->dir_path);
	options = str_printf("bind,rprivate,nosuid,nodev%s", bundle_idmap(request));
	if (!source || !options)
		return err_oom(err);
	return bundle_add_mount(mounts, "bind", source, SANDBOX_PLACE, options, err);
}

int sandbox_bundle_env(const struct bundle_request *request, strv *env, struct err *err)
{
	cleanup_free char *name = NULL;

	if (!sandbox_is_wanted(request))
		return 0;
	name = str_printf("MESOS_CONTAINER_NAME=%s",
		request->options->name ? request->options->name : request->id);
	if (!name || strv_env_set(env, "MESOS_SANDBOX=" SANDBOX_PLACE) < 0 ||
		strv_env_set(env, "MESOS_DIRECTORY=" SANDBOX_PLACE) < 0 ||
		strv_env_set(env, name) < 0)
		return err_oom(err);
	return 0;
}
