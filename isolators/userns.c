/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/userns.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/idmap-writer.h"
#include "isolators/passwd.h"
#include "isolators/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- the maps of a normal user ------------------------------------------------------
 */

static int read_etc(int etc_dirfd, const char *name, char **ret, struct err *err)
{
	int r = fd_read_file(etc_dirfd, name, PASSWD_SIZE_MAX, ret, NULL);

	if (r == -ENOENT) {
		*ret = strdup("");
		return *ret ? 0 : err_oom(err);
	}
	return r < 0 ? err_set(err, -r, "read /etc/%s", name) : 0;
}

/* Inside 0 is the user, inside 1… are his ranges. */
static int user_maps(int etc_dirfd, const char *file, const char *login, uid_t uid,
	uint32_t own_id, struct spec_id_maps *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	int r;

	r = read_etc(etc_dirfd, file, &text, err);
	if (r < 0)
		return r;
	ret->items = calloc(1, sizeof(*ret->items));
	if (!ret->items)
		return err_oom(err);
	ret->items[0] =
		(struct spec_id_map){ .container_id = 0, .host_id = own_id, .size = 1 };
	ret->count = 1;
	return subids_append(text, login, uid, 1, ret) < 0 ? err_oom(err) : 0;
}

static void maps_done(struct spec_id_maps *maps)
{
	free(maps->items);
	*maps = (struct spec_id_maps){ 0 };
}

int userns_default_maps(int etc_dirfd, uid_t uid, gid_t gid,
	struct spec_id_maps *ret_uids, struct spec_id_maps *ret_gids, bool *ret_is_single,
	struct err *err)
{
	cleanup_with(maps_done) struct spec_id_maps uids = { 0 };
	cleanup_with(maps_done) struct spec_id_maps gids = { 0 };
	cleanup_free char *passwd = NULL, *login = NULL;
	int r;

	r = read_etc(etc_dirfd, "passwd", &passwd, err);
	if (r < 0)
		return r;
	login = passwd_name(passwd, uid);
	r = user_maps(etc_dirfd, "subuid", login, uid, uid, &uids, err);
	if (r == 0)
		r = user_maps(etc_dirfd, "subgid", login, uid, gid, &gids, err);
	if (r < 0)
		return r;
	if (uids.count == 1 || gids.count == 1)
		uids.count = gids.count = 1;
	*ret_is_single = uids.count == 1;
	*ret_uids = uids;
	*ret_gids = gids;
	uids = gids = (struct spec_id_maps){ 0 };
	return 0;
}

/* ---- writing maps -------------------------------------------------------------------
 */

/* The one map that every user may write himself (user_namespaces(7)). */
static bool is_own_id(const struct spec_id_maps *maps, uint32_t id)
{
	return maps->count == 1 && maps->items[0].size == 1 &&
	       maps->items[0].host_id == id;
}

static int write_map(int pid_dirfd, const char *file, const struct spec_id_maps *maps)
{
	cleanup_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < maps->count; i++)
		buf_printf(&text, "%u %u %u\n", maps->items[i].container_id,
			maps->items[i].host_id, maps->items[i].size);
	if (buf_finish(&text) < 0)
		return -ENOMEM;
	return fd_write_kernel_file(pid_dirfd, file, text.data);
}

/* Without privilege the gid map may only be written once setgroups(2) is given up. */
static int write_directly(
	int pid_dirfd, const struct spec_id_maps *uids, const struct spec_id_maps *gids)
{
	int r = write_map(pid_dirfd, "uid_map", uids);

	if (r < 0)
		return r;
	if (geteuid() != 0 && is_own_id(gids, getegid())) {
		r = fd_write_kernel_file(pid_dirfd, "setgroups", "deny");
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return write_map(pid_dirfd, "gid_map", gids);
}

static int write_by_programs(pid_t pid, const struct spec_id_maps *uids,
	const struct spec_id_maps *gids, struct err *err)
{
	struct idmap_writer uid_writer = { .program = "newuidmap", .stderr_fd = -1 };
	struct idmap_writer gid_writer = { .program = "newgidmap", .stderr_fd = -1 };
	int r, uid_r, gid_r;

	r = idmap_writer_start(&uid_writer, pid, uids, err);
	if (r == 0)
		r = idmap_writer_start(&gid_writer, pid, gids, err);
	uid_r = idmap_writer_finish(&uid_writer, r < 0 ? NULL : err);
	gid_r = idmap_writer_finish(&gid_writer, r < 0 || uid_r < 0 ? NULL : err);
	if (r == 0)
		r = uid_r < 0 ? uid_r : gid_r;
	return r;
}

int userns_write_maps(pid_t pid, const struct spec_id_maps *uids,
	const struct spec_id_maps *gids, struct err *err)
{
	cleanup_close int pid_dirfd = -1;
	char path[32];
	int r;

	if (!uids->count || !gids->count)
		return err_say(err, EINVAL,
			"a new user namespace needs linux.uidMappings and linux.gidMappings");
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	pid_dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pid_dirfd < 0)
		return err_set(err, errno, "open %s", path);
	if (geteuid() != 0 && !(is_own_id(uids, geteuid()) && is_own_id(gids, getegid())))
		return write_by_programs(pid, uids, gids, err);
	r = write_directly(pid_dirfd, uids, gids);
	if (r == -EPERM)
		return write_by_programs(pid, uids, gids, err);
	return r < 0 ? err_set(err, -r, "write the id maps of the user namespace") : 0;
}

/* ---- a user namespace with nobody in it ----------------------------------------------
 */

/* Lives until the other end of the pipe is closed; its user namespace needs an inhabitant
 * until somebody holds it open. */
static __attribute__((noreturn)) void inhabit(const int pipe_fds[2])
{
	char c;

	(void)close(pipe_fds[1]);
	while (read(pipe_fds[0], &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int map_and_open(pid_t pid, const struct spec_id_maps *uids,
	const struct spec_id_maps *gids, int *ret_fd, struct err *err)
{
	char path[48];
	int fd, r;

	r = userns_write_maps(pid, uids, gids, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open %s", path);
	*ret_fd = fd;
	return 0;
}

int userns_open(const struct spec_id_maps *uids, const struct spec_id_maps *gids,
	int *ret_fd, struct err *err)
{
	cleanup_close int read_end = -1, write_end = -1;
	int pipe_fds[2], r;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	read_end = pipe_fds[0];
	write_end = pipe_fds[1];
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		inhabit(pipe_fds);
	if (pid < 0) {
		(void)err_set(err, errno, "make a user namespace");
		return err_hint(err,
			"user namespaces may be switched off: see the sysctls "
			"kernel.unprivileged_userns_clone and user.max_user_namespaces");
	}
	r = map_and_open(pid, uids, gids, ret_fd, err);
	(void)close(take_fd(&write_end));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int userns_for_mounts(struct isolation *isolation, struct err *err)
{
	const struct spec_linux *linux_ = &isolation->spec->linux_;
	int r = 0;

	if (isolation->userns_fd < 0)
		r = userns_open(&linux_->uid_mappings, &linux_->gid_mappings,
			&isolation->userns_fd, err);
	return r < 0 ? r : isolation->userns_fd;
}

int userns_open_rootless(int *ret_fd, struct err *err)
{
	cleanup_with(maps_done) struct spec_id_maps uids = { 0 };
	cleanup_with(maps_done) struct spec_id_maps gids = { 0 };
	cleanup_close int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_single;
	int r;

	if (etc < 0)
		return err_set(err, errno, "open /etc");
	r = userns_default_maps(etc, geteuid(), getegid(), &uids, &gids, &is_single, err);
	if (r < 0)
		return r;
	return userns_open(&uids, &gids, ret_fd, err);
}

/* ---- going in ------------------------------------------------------------------------
 */

/* EINVAL: nobody is mapped to 0, so there is no root to become. EPERM of setgroups(2):
 * given up when the map was written. */
int userns_become_root(struct err *err)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(err, errno, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0 && errno != EINVAL)
		return err_set(err, errno, "become gid 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0 && errno != EINVAL)
		return err_set(err, errno, "become uid 0 of the user namespace");
	return 0;
}

int userns_enter(int userns_fd, struct err *err)
{
	if (setns(userns_fd, CLONE_NEWUSER) < 0)
		return err_set(err, errno, "enter the user namespace");
	return userns_become_root(err);
}

/* ---- the isolator --------------------------------------------------------------------
 */

static int check_maps(const struct spec_id_maps *maps, const char *key, struct err *err)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct spec_id_map *map = &maps->items[i];

		if (map->size == 0 || map->size > UINT32_MAX - map->container_id ||
			map->size > UINT32_MAX - map->host_id)
			return err_say(err, EINVAL,
				"linux.%s: entry %zu has an impossible size %u", key, i,
				map->size);
	}
	return 0;
}

static bool makes_userns(const struct spec *spec)
{
	for (size_t i = 0; i < spec->linux_.namespaces.count; i++) {
		const struct spec_namespace *one = &spec->linux_.namespaces.items[i];

		if (str_eq(one->type, "user"))
			return str_empty(one->path);
	}
	return false;
}

static int fill_default_maps(struct isolation *isolation, struct err *err)
{
	struct spec_linux *linux_ = &isolation->spec->linux_;
	cleanup_close int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_single;
	int r;

	if (etc < 0)
		return err_set(err, errno, "open /etc");
	r = userns_default_maps(etc, geteuid(), getegid(), &linux_->uid_mappings,
		&linux_->gid_mappings, &is_single, err);
	if (r == 0 && is_single)
		notes_add(isolation->notes,
			"only one user id is mapped: /etc/subuid or /etc/subgid lists no range for uid %u",
			geteuid());
	return r;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	struct spec_linux *linux_ = &isolation->spec->linux_;
	bool has_maps = linux_->uid_mappings.count && linux_->gid_mappings.count;
	int r;

	if (!makes_userns(isolation->spec))
		return 0;
	isolation->has_new_userns = true;
	if (linux_->uid_mappings.count && !has_maps)
		return err_say(err, EINVAL,
			"linux.uidMappings is set, but not linux.gidMappings");
	if (!has_maps && linux_->gid_mappings.count)
		return err_say(err, EINVAL,
			"linux.gidMappings is set, but not linux.uidMappings");
	if (!has_maps)
		return fill_default_maps(isolation, err);
	r = check_maps(&linux_->uid_mappings, "uidMappings", err);
	return r < 0 ? r : check_maps(&linux_->gid_mappings, "gidMappings", err);
}

static int attach(struct isolation *isolation, pid_t pid, struct err *err)
{
	if (!isolation->has_new_userns)
		return 0;
	return userns_write_maps(pid, &isolation->spec->linux_.uid_mappings,
		&isolation->spec->linux_.gid_mappings, err);
}

static int isolate(struct isolation *isolation, struct err *err)
{
	return isolation->has_new_userns ? userns_become_root(err) : 0;
}

static void release(struct isolation *isolation)
{
	if (isolation->userns_fd >= 0)
		(void)close(take_fd(&isolation->userns_fd));
}

const struct isolator userns_isolator = {
	.name = "userns",
	.prepare = prepare,
	.attach = attach,
	.isolate = isolate,
	.release = release,
};
