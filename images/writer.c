/* SPDX-License-Identifier: Apache-2.0 */
#include "images/writer-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What mkdir(2) keeps of a mode, and what we need to work in the directory ourselves. */
#define MADE_MODE(mode) (((mode)&01777) | 0700)

int writer_new(int root_dirfd, const struct lower *lower, struct notes *notes,
	const struct unpack_limits *limits, struct writer **ret, struct err *err)
{
	cleanup_writer struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_oom(err);
	w->levels = reallocarray(NULL, PATH_MAX / 2 + 1, sizeof(*w->levels));
	if (!w->levels)
		return err_oom(err);
	w->lower = lower;
	w->notes = notes;
	w->limits = limits;
	w->uid = geteuid();
	w->gid = getegid();
	w->levels[0] = (struct level){ .fd = -1 };
	w->levels[0].fd = path_open_beneath(root_dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (w->levels[0].fd < 0)
		return err_set(err, -w->levels[0].fd, "open the directory to unpack to");
	if (fchmod(w->levels[0].fd, 0700) < 0)
		return err_set(
			err, errno, "change the mode of the directory to unpack to");
	if (writer_dir_made(w, "", 0700) < 0)
		return err_oom(err);
	*ret = take_ptr(w);
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	if (w->levels) {
		writer_pop_to(w, 0);
		if (w->levels[0].fd >= 0)
			(void)close(w->levels[0].fd);
	}
	free(w->levels);
	writer_dirs_free(w);
	free(w);
}

int writer_stat(struct writer *w, const char *name, struct stat *ret)
{
	return fstatat(writer_fd(w), name, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

bool writer_has_removed(const struct writer *w)
{
	return w->has_removed;
}

int writer_remove(struct writer *w, const char *name, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	w->has_removed = true;
	r = fd_remove_tree(writer_fd(w), name);
	return r < 0 ? err_set(err, -r, "replace %s", shown(name, show)) : 0;
}

static bool is_others(const struct writer *w, const struct attributes *a)
{
	return a->uid != w->uid || a->gid != w->gid;
}

static int chown_error(
	int code, const struct attributes *a, const char *member, struct err *err)
{
	char show[SHOWN_MAX];

	(void)err_set(err, code, "give member %s to uid %u, gid %u", shown(member, show),
		a->uid, a->gid);
	if (code == EINVAL)
		return err_hint(err, "the user namespace has no such id: give this user "
				     "more ids in /etc/subuid and /etc/subgid");
	return -code;
}

static const struct timespec *times_of(const struct attributes *a, struct timespec ret[2])
{
	ret[0] = a->mtime;
	ret[1] = a->mtime;
	return ret;
}

/* Owner, then mode (which changing the owner may have cut), then time. */
static int end_named(struct writer *w, const char *name, const struct attributes *a,
	const char *member, struct err *err)
{
	struct timespec times[2];
	char show[SHOWN_MAX];
	int fd = writer_fd(w);

	if (is_others(w, a)) {
		if (fchownat(fd, name, (uid_t)a->uid, (gid_t)a->gid,
			    AT_SYMLINK_NOFOLLOW) < 0)
			return chown_error(errno, a, member, err);
		if (!S_ISLNK(a->mode) && (a->mode & 06000) &&
			fchmodat(fd, name, a->mode & 07777, 0) < 0)
			return err_set(err, errno, "change the mode of member %s",
				shown(member, show));
	}
	if (utimensat(fd, name, times_of(a, times), AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(
			err, errno, "set the time of member %s", shown(member, show));
	return 0;
}

int writer_symlink(struct writer *w, const char *name, const char *target,
	const struct attributes *a, const char *member, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	if (strlen(target) > w->limits->path)
		return err_say(err, ENAMETOOLONG,
			"the link %s has a target of more than %" PRIu64 " bytes",
			shown(member, show), w->limits->path);
	r = symlinkat(target, writer_fd(w), name);
	if (r < 0 && errno == EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = symlinkat(target, writer_fd(w), name);
	}
	if (r < 0)
		return err_set(err, errno, "make the link %s", shown(member, show));
	return end_named(w, name, a, member, err);
}

int writer_node(struct writer *w, const char *name, dev_t rdev,
	const struct attributes *a, const char *member, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	r = mknodat(writer_fd(w), name, a->mode, rdev);
	if (r < 0 && errno == EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = mknodat(writer_fd(w), name, a->mode, rdev);
	}
	if (r < 0 && errno == EPERM && !S_ISFIFO(a->mode)) {
		notes_add(w->notes, NOTE_DEVICE, member);
		return 0;
	}
	if (r < 0)
		return err_set(err, errno, "make %s", shown(member, show));
	return end_named(w, name, a, member, err);
}

int writer_whiteout(struct writer *w, const char *name, struct err *err)
{
	char show[SHOWN_MAX];

	if (mknodat(writer_fd(w), name, S_IFCHR, makedev(0, 0)) < 0)
		return err_set(err, errno, "mark %s as deleted", shown(name, show));
	return 0;
}

int writer_file_open(struct writer *w, const char *name, mode_t mode, const char *member,
	int *ret_fd, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char show[SHOWN_MAX];
	int fd, r;

	fd = openat(writer_fd(w), name, flags, mode & 07777);
	if (fd < 0 && errno == EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		fd = openat(writer_fd(w), name, flags, mode & 07777);
	}
	if (fd < 0)
		return err_set(err, errno, "make the file %s", shown(member, show));
	*ret_fd = fd;
	return 0;
}

int writer_file_end(struct writer *w, int fd, const struct attributes *a,
	const char *member, struct err *err)
{
	struct timespec times[2];
	char show[SHOWN_MAX];
	bool is_owned = !is_others(w, a);

	if (!is_owned && fchown(fd, (uid_t)a->uid, (gid_t)a->gid) < 0)
		return chown_error(errno, a, member, err);
	/* Writing and chown(2) clear these bits. */
	if ((a->mode & 06000) && fchmod(fd, a->mode & 07777) < 0)
		return err_set(err, errno, "change the mode of %s", shown(member, show));
	if (futimens(fd, times_of(a, times)) < 0)
		return err_set(err, errno, "set the time of %s", shown(member, show));
	return 0;
}

struct xattr_file writer_xattr_file(
	struct writer *w, const char *name, const char *member)
{
	return (struct xattr_file){
		.fd = -1, .dirfd = writer_fd(w), .name = name, .member = member
	};
}

int writer_current_fd(struct writer *w)
{
	return path_open_beneath(writer_fd(w), ".", O_PATH | O_DIRECTORY, 0);
}

int writer_link(struct writer *w, int target_dirfd, const char *target, const char *name)
{
	return linkat(target_dirfd, target, writer_fd(w), name, 0) < 0 ? -errno : 0;
}

/* Makes the directory, or finds it; *made is false then. */
static int make_dir(struct writer *w, const char *name, mode_t mode, const char *member,
	bool *made, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st;
	int r;

	*made = true;
	r = mkdirat(writer_fd(w), name, mode);
	if (r < 0 && errno == EEXIST) {
		if (writer_stat(w, name, &st) == 0 && S_ISDIR(st.st_mode)) {
			*made = false;
			return 0;
		}
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = mkdirat(writer_fd(w), name, mode);
	}
	return r < 0 ? err_set(err, errno, "make the directory %s", shown(member, show))
		     : 0;
}

int writer_dir(struct writer *w, const char *name, const struct attributes *a,
	struct buf *xattrs, const char *member, struct err *err)
{
	cleanup_free char *path =
		str_printf("%s%s%s", w->path, *w->path && *name ? "/" : "", name);
	struct dir *dir;
	bool made = false;
	int r = 0;

	if (!path)
		return err_oom(err);
	if (*name)
		r = make_dir(w, name, MADE_MODE(a->mode), member, &made, err);
	if (r < 0)
		return r;
	if (made && writer_dir_made(w, path, MADE_MODE(a->mode)) < 0)
		return err_oom(err);
	dir = writer_dir_record(w, path);
	if (!dir)
		return err_oom(err);
	dir->attributes = *a;
	dir->is_described = true;
	buf_done(&dir->xattrs);
	dir->xattrs = *xattrs;
	*xattrs = (struct buf)BUF_INIT;
	return 0;
}
