/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/user.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

static int set_home(struct spec_process *process, const char *home, struct err *err)
{
	cleanup_free char *assignment = NULL;

	if (strv_env_get(process->env, "HOME"))
		return 0;
	assignment = str_printf("HOME=%s", home ? home : "/");
	if (!assignment || strv_env_set(&process->env, assignment) < 0)
		return err_oom(err);
	return 0;
}

static void take_identity(struct spec_user *user, struct identity *identity)
{
	user->uid = identity->uid;
	user->gid = identity->gid;
	if (!identity->group_count)
		return;
	free(user->additional_gids.items);
	user->additional_gids.items = take_ptr(identity->groups);
	user->additional_gids.count = identity->group_count;
}

/* appc: "/path" stands for the owner, or the group, of that file. */
static int resolve_part(int root_fd, const char *part, size_t len, bool is_group,
	char **ret, struct err *err)
{
	cleanup_free char *path = strndup(part, len);
	cleanup_close int fd = -1;
	struct stat st;

	if (!path)
		return err_oom(err);
	if (*path != '/') {
		*ret = take_ptr(path);
		return 0;
	}
	fd = path_open_in_root(root_fd, path, O_PATH, 0);
	if (fd < 0)
		return err_set(err, -fd, "the user is to be the owner of %s", path);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine %s", path);
	*ret = str_printf("%u", is_group ? st.st_gid : st.st_uid);
	return *ret ? 0 : err_oom(err);
}

static int resolve_owner(int root_fd, const char *user, char **ret, struct err *err)
{
	cleanup_free char *name = NULL, *group = NULL;
	size_t len = strcspn(user, ":");
	int r;

	r = resolve_part(root_fd, user, len, false, &name, err);
	if (r == 0 && user[len])
		r = resolve_part(root_fd, user + len + 1, strlen(user + len + 1), true,
			&group, err);
	if (r < 0)
		return r;
	*ret = group ? str_printf("%s:%s", name, group) : take_ptr(name);
	return *ret ? 0 : err_oom(err);
}

static int lookup(struct isolation *isolation, struct err *err)
{
	struct spec_process *process = isolation->process;
	cleanup_with(identity_done) struct identity identity = { 0 };
	cleanup_free char *passwd = NULL, *group = NULL, *user = NULL;
	int r;

	if (!isolation->user && strv_env_get(process->env, "HOME"))
		return 0;
	r = passwd_read(isolation->root_fd, "/etc/passwd", &passwd, err);
	if (r < 0)
		return r;
	if (!isolation->user) {
		identity.home = passwd_home(passwd, process->user.uid);
		return set_home(process, identity.home, err);
	}
	r = passwd_read(isolation->root_fd, "/etc/group", &group, err);
	if (r == 0)
		r = resolve_owner(isolation->root_fd, isolation->user, &user, err);
	if (r == 0)
		r = passwd_resolve(passwd, group, user, &identity, err);
	if (r < 0)
		return r;
	take_identity(&process->user, &identity);
	return set_home(process, identity.home, err);
}

/* setgroups(2) always, so that no group of the launcher stays. A user namespace that gave
 * it up cannot have additional groups. */
static int set_groups(const struct spec_user *user, struct err *err)
{
	if (setgroups(user->additional_gids.count, user->additional_gids.items) == 0)
		return 0;
	if (errno == EPERM && user->additional_gids.count == 0)
		return 0;
	(void)err_set(
		err, errno, "set %zu additional groups", user->additional_gids.count);
	if (errno == EPERM)
		(void)err_hint(err,
			"a user namespace without ranges in /etc/subgid cannot have additional groups");
	return -err->code;
}

static int id_failed(const char *kind, uint32_t id, struct err *err)
{
	int code = errno;

	(void)err_set(err, code, "become %s %u", kind, id);
	if (code == EINVAL)
		return err_hint(
			err, "the id is not mapped in the container's user namespace");
	return -code;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec_user *user = &isolation->process->user;
	int r;

	r = set_groups(user, err);
	if (r < 0)
		return r;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return id_failed("gid", user->gid, err);
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return id_failed("uid", user->uid, err);
	(void)umask(user->has_umask ? user->umask : 022);
	return 0;
}

const struct isolator user_lookup_isolator = { .name = "user-lookup", .isolate = lookup };
const struct isolator user_isolator = { .name = "user", .isolate = isolate };
