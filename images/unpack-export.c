/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "export": layers merged into one tar archive, as a container sees them. */
#include "images/unpack.h"

#include "common/fd.h"
#include "common/path.h"
#include "images/hard-links.h"
#include "images/merged.h"
#include "images/tar-out.h"
#include "images/xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (128U << 10)
#define PROGRESS_EVERY 4096 /* files */
#define LEFT_OUT 1

struct export
{
	struct unpack_job *job;
	int out_fd;
	const int *layer_fds;
	char path[PATH_MAX]; /* of the current directory, "" or ending in a slash */
	size_t path_len, depth;
	struct hard_links links; /* by what they were put into the archive as */
	uint64_t files;
	char *piece;
};

static int failed(int r, struct err *err)
{
	return r < 0 ? err_set(err, -r, "write the archive") : 0;
}

/* ---- members ---- */

static const struct {
	mode_t type;
	enum tar_type tar;
} types[] = {
	{ S_IFREG, TAR_FILE },
	{ S_IFLNK, TAR_SYMLINK },
	{ S_IFCHR, TAR_CHAR },
	{ S_IFBLK, TAR_BLOCK },
	{ S_IFDIR, TAR_DIRECTORY },
	{ S_IFIFO, TAR_FIFO },
};

/* False for what an archive cannot hold. */
static bool describe(const struct stat *st, const char *path, struct tar_member *ret)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type != (st->st_mode & S_IFMT))
			continue;
		*ret = (struct tar_member){ .type = types[i].tar,
			.path = path,
			.mode = st->st_mode,
			.uid = st->st_uid,
			.gid = st->st_gid,
			.mtime = st->st_mtim,
			.rdev = st->st_rdev };
		return true;
	}
	return false;
}

static int read_xattrs(const struct xattr_file *file, struct buf *ret, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT;
	struct xattr x;
	size_t at = 0;
	int r;

	r = xattr_read(file, &list, err);
	if (r < 0)
		return r;
	while (xattr_list_next(&list, &at, &x)) {
		cleanup_free char *key = str_printf(TAR_XATTR "%s", x.name);

		if (!key)
			return err_oom(err);
		tar_out_record(ret, key, x.value, x.len);
	}
	return 0;
}

static int put(struct export *e, struct tar_member *m, const struct xattr_file *file,
	struct err *err)
{
	cleanup_buf struct buf records = BUF_INIT;
	int r;

	r = m->type == TAR_HARD_LINK ? 0 : read_xattrs(file, &records, err);
	if (r < 0)
		return r;
	m->records = &records;
	r = failed(tar_out_member(e->out_fd, m), err);
	m->records = NULL;
	return r;
}

static int put_zeros(struct export *e, uint64_t left)
{
	size_t n;
	int r = 0;

	memset(e->piece, 0, PIECE);
	for (; r == 0 && left; left -= n) {
		n = left < PIECE ? (size_t)left : PIECE;
		r = fd_write_all(e->out_fd, e->piece, n);
	}
	return r;
}

/* As many bytes as were announced, whatever the container does to the file meanwhile. */
static int put_content(struct export *e, int fd, uint64_t size, const char *path)
{
	uint64_t offset = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && offset < size) {
		uint64_t left = size - offset;

		n = pread(
			fd, e->piece, left < PIECE ? (size_t)left : PIECE, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			notes_add(&e->job->notes, NOTE_CHANGED, path);
			r = put_zeros(e, left);
			break;
		}
		r = fd_write_all(e->out_fd, e->piece, (size_t)n);
		offset += (uint64_t)n;
	}
	return r < 0 ? r : tar_out_end(e->out_fd, size);
}

/* What went away since it was listed is left out. */
static int gone(struct export *e, const char *path, int code, struct err *err)
{
	char show[SHOWN_MAX];

	if (code != ENOENT && code != ELOOP && code != ENOTDIR)
		return err_set(err, code, "read %s", shown(path, show));
	notes_add(&e->job->notes, NOTE_GONE, path);
	return LEFT_OUT;
}

static int put_file(struct export *e, int dirfd, const char *name, struct tar_member *m,
	struct err *err)
{
	cleanup_close int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const struct xattr_file file = { .fd = fd, .member = m->path };
	char show[SHOWN_MAX];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return gone(e, m->path, errno, err);
	if (!S_ISREG(st.st_mode))
		return gone(e, m->path, ENOENT, err);
	m->size = (uint64_t)st.st_size;
	r = put(e, m, &file, err);
	if (r < 0)
		return r;
	r = put_content(e, fd, m->size, m->path);
	return r < 0 ? err_set(err, -r, "copy %s to the archive", shown(m->path, show))
		     : 0;
}

static int put_special(struct export *e, int dirfd, const char *name,
	struct tar_member *m, struct err *err)
{
	const struct xattr_file file = {
		.fd = -1, .dirfd = dirfd, .name = name, .member = m->path
	};
	char target[PATH_MAX];
	ssize_t n;

	if (m->type == TAR_SYMLINK) {
		n = readlinkat(dirfd, name, target, sizeof(target) - 1);
		if (n < 0)
			return gone(e, m->path, errno, err);
		target[n] = '\0';
		m->link = target;
	}
	return put(e, m, &file, err);
}

static int put_first(struct export *e, int dirfd, const char *name, struct tar_member *m,
	const struct stat *st, struct err *err)
{
	int r;

	r = m->type == TAR_FILE ? put_file(e, dirfd, name, m, err)
				: put_special(e, dirfd, name, m, err);
	if (r == 0 && st->st_nlink > 1)
		r = hard_links_add(&e->links, st, strdup(m->path)) < 0 ? err_oom(err) : 0;
	if (r == 0 && ++e->files % PROGRESS_EVERY == 0)
		r = unpack_progress(e->job, "export", 0, 0, e->files, 0, err);
	return r;
}

static int put_entry(struct export *e, int dirfd, const char *name, struct err *err)
{
	cleanup_free char *path = str_printf("%s%s", e->path, name);
	struct tar_member m;
	struct stat st;

	if (!path)
		return err_oom(err);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return gone(e, path, errno, err);
	if (!describe(&st, path, &m)) {
		notes_add(&e->job->notes, NOTE_SOCKET, path);
		return LEFT_OUT;
	}
	m.link = st.st_nlink > 1 ? hard_links_find(&e->links, &st) : NULL;
	if (!m.link)
		return put_first(e, dirfd, name, &m, &st, err);
	m.type = TAR_HARD_LINK;
	return put(e, &m, NULL, err);
}

/* ---- directories ---- */

static int export_dir(
	struct export *e, const struct merged_stack *stack, struct err *err);

static int export_subdir(
	struct export *e, const struct merged_name *name, struct err *err)
{
	size_t len = strlen(name->name), before = e->path_len;
	char show[SHOWN_MAX];
	int r;

	if (before + len + 2 > sizeof(e->path) ||
		e->depth >= e->job->request.limits.depth)
		return err_say(err, ENAMETOOLONG, "the directory %s is too deep",
			shown(name->name, show));
	memcpy(e->path + before, name->name, len);
	memcpy(e->path + before + len, "/", 2);
	e->path_len = before + len + 1;
	e->depth++;
	r = export_dir(e, name->stack, err);
	e->depth--;
	e->path_len = before;
	e->path[before] = '\0';
	return r;
}

static int put_directory(struct export *e, int fd, struct err *err)
{
	const char *path = e->path_len ? e->path : "./";
	const struct xattr_file file = { .fd = fd, .member = path };
	struct tar_member m;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at a directory");
	if (!describe(&st, path, &m) || m.type != TAR_DIRECTORY)
		return err_say(err, ENOTDIR, "a layer is no directory");
	return put(e, &m, &file, err);
}

/* Files first: the descriptors of a directory are closed before those below are opened. */
static int put_files(struct export *e, struct merged_dir *dir, struct err *err)
{
	int r;

	r = put_directory(e, dir->fds[0], err);
	for (size_t i = 0; r >= 0 && i < dir->count; i++) {
		const struct merged_name *name = &dir->names[i];

		if (!name->is_directory)
			r = put_entry(
				e, merged_dir_fd(dir, name->layer), name->name, err);
	}
	merged_dir_close(dir);
	return r < 0 ? r : 0;
}

static int export_dir(struct export *e, const struct merged_stack *stack, struct err *err)
{
	cleanup_merged_dir struct merged_dir dir = { 0 };
	int r;

	r = merged_dir_open(e->layer_fds, e->path_len ? e->path : ".", stack, &dir, err);
	if (r < 0)
		return e->path_len ? gone(e, e->path, -r, err) : r;
	r = put_files(e, &dir, err);
	for (size_t i = 0; r >= 0 && i < dir.count; i++) {
		if (dir.names[i].is_directory)
			r = export_subdir(e, &dir.names[i], err);
	}
	return r < 0 ? r : 0;
}

int unpack_export(struct unpack_job *job, struct err *err)
{
	size_t layers = job->msg->fd_count - 1;
	struct merged_stack all = { 0 };
	struct export *e;
	int r;

	if (layers > MERGED_LAYERS_MAX)
		return err_say(err, EPROTO, "the request has too many layers");
	while (layers-- > 0)
		all.layers[all.count++] = (unsigned char)layers;
	e = calloc(1, sizeof(*e));
	if (!e)
		return err_oom(err);
	e->job = job;
	e->out_fd = job->msg->fds[0];
	e->layer_fds = job->msg->fds + 1;
	e->piece = malloc(PIECE);
	/* Who reads the archive may go away: that is an error to tell of, not a way to die. */
	(void)signal(SIGPIPE, SIG_IGN);
	r = e->piece ? export_dir(e, &all, err) : err_oom(err);
	if (r == 0)
		r = failed(tar_out_finish(e->out_fd), err);
	hard_links_done(&e->links);
	free(e->piece);
	free(e);
	return r < 0 ? r : unpack_done(job, NULL, 0, err);
}
