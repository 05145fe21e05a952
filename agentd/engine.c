/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/engine.h"

#include "agentd/engine-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

int engine_default_root(char **ret, struct err *err)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		*ret = strdup("/var/lib/ucr");
	else if (data && *data == '/')
		*ret = str_printf("%s/ucr", data);
	else if (home && *home == '/')
		*ret = str_printf("%s/.local/share/ucr", home);
	else {
		(void)err_say(err, ENOENT, "no place to keep containers");
		return err_hint(err, "set HOME or XDG_DATA_HOME, or use --root");
	}
	return *ret ? 0 : err_oom(err);
}

/* An absolute path, so that the shim's clean-up finds it from "/". */
static int absolute_path(const char *path, char **ret, struct err *err)
{
	cleanup_free char *cwd = NULL;

	if (*path == '/') {
		*ret = strdup(path);
	} else {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return err_set(err, errno, "find the current directory");
		*ret = str_printf("%s/%s", cwd, path);
	}
	return *ret ? 0 : err_oom(err);
}

/* Programs that were not installed find their companions beside themselves. */
int engine_find_libexec(char **ret, struct err *err)
{
	cleanup_free char *shim = NULL;
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		*slash = '\0';
		shim = str_printf("%s/ucr-shim", path);
		if (!shim)
			return err_oom(err);
	}
	return str_set(ret, shim && access(shim, X_OK) == 0 ? path : PKGLIBEXECDIR) < 0
		       ? err_oom(err)
		       : 0;
}

/* mkdir -p of our own, trusted path; the directories above the last are everybody's. */
static int make_parents(char *path)
{
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			*at = '/';
			return -errno;
		}
		*at = '/';
	}
	return 0;
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	return fd_mkdir_open(dirfd, name, 0700);
}

/* Whoever else may write here could put a container of his making in place of ours. */
static int check_owner(const struct engine *engine, struct err *err)
{
	struct stat st;

	if (fstat(engine->root_dirfd, &st) < 0)
		return err_set(err, errno, "look at %s", engine->root_path);
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	(void)err_say(err, EPERM,
		"%s belongs to user %u with mode %04o: other users may write it",
		engine->root_path, st.st_uid, st.st_mode & 07777);
	return err_hint(
		err, "give a directory by --root that only user %u may write", geteuid());
}

static int open_root(struct engine *engine, struct err *err)
{
	int r;

	engine->root_dirfd = open(engine->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (engine->root_dirfd < 0 && errno == ENOENT) {
		r = make_parents(engine->root_path);
		if (r == 0)
			r = fd_mkdir_open(AT_FDCWD, engine->root_path, 0700);
		engine->root_dirfd = r;
		errno = -r;
	}
	if (engine->root_dirfd < 0) {
		err_set(err, errno, "open %s", engine->root_path);
		return err_hint(err, "%s",
			geteuid() ? "run as root, or give a directory of yours by --root"
				  : "give a directory that can be made by --root");
	}
	r = check_owner(engine, err);
	if (r < 0)
		return r;
	engine->containers_dirfd = open_dir(engine->root_dirfd, "containers");
	if (engine->containers_dirfd < 0)
		return err_set(err, -engine->containers_dirfd, "open %s/containers",
			engine->root_path);
	engine->names_dirfd = open_dir(engine->root_dirfd, "names");
	if (engine->names_dirfd < 0)
		return err_set(
			err, -engine->names_dirfd, "open %s/names", engine->root_path);
	return 0;
}

static int open_all(
	struct engine *engine, const struct engine_options *options, struct err *err)
{
	int r;

	r = options->root_path
		    ? absolute_path(options->root_path, &engine->root_path, err)
		    : engine_default_root(&engine->root_path, err);
	if (r < 0)
		return r;
	r = options->libexec_path
		    ? absolute_path(options->libexec_path, &engine->libexec_path, err)
		    : engine_find_libexec(&engine->libexec_path, err);
	if (r < 0)
		return r;
	return open_root(engine, err);
}

int engine_open(
	const struct engine_options *options, struct engine **ret, struct err *err)
{
	cleanup_engine struct engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return err_oom(err);
	engine->root_dirfd = engine->containers_dirfd = engine->names_dirfd = -1;
	engine->events_fd = engine->net_fd = -1;
	r = open_all(engine, options, err);
	if (r < 0)
		return r;
	*ret = take_ptr(engine);
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	store_free(engine->store);
	cgroup_host_free(engine->cgroups);
	close_if_open(engine->root_dirfd);
	close_if_open(engine->containers_dirfd);
	close_if_open(engine->names_dirfd);
	close_if_open(engine->events_fd);
	free(engine->root_path);
	free(engine->libexec_path);
	free(engine);
}

int engine_store(struct engine *engine, struct store **ret, struct err *err)
{
	cleanup_close int dirfd = -1;
	int r;

	if (!engine->store) {
		dirfd = open_dir(engine->root_dirfd, "images");
		if (dirfd < 0)
			return err_set(err, -dirfd, "open %s/images", engine->root_path);
		r = store_open(dirfd, engine->libexec_path, &engine->store, err);
		if (r < 0)
			return r;
	}
	*ret = engine->store;
	return 0;
}

const char *engine_root_path(const struct engine *engine)
{
	return engine->root_path;
}

const char *engine_libexec_path(const struct engine *engine)
{
	return engine->libexec_path;
}

int engine_containers_dirfd(const struct engine *engine)
{
	return engine->containers_dirfd;
}

int engine_names_dirfd(const struct engine *engine)
{
	return engine->names_dirfd;
}

void engine_set_net_fd(struct engine *engine, int fd)
{
	engine->net_fd = fd;
}

int engine_net_fd(const struct engine *engine)
{
	return engine->net_fd;
}

void engine_serve_names(struct engine *engine, bool is_on)
{
	engine->serves_names = is_on;
}

bool engine_serves_names(const struct engine *engine)
{
	return engine->serves_names;
}

bool engine_is_rootless(const struct engine *engine)
{
	(void)engine;
	return geteuid() != 0;
}
