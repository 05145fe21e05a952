/* SPDX-License-Identifier: Apache-2.0 */
#include "images/bundle.h"

#include "common/array.h"
#include "common/path.h"
#include "common/str.h"
#include "images/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

struct member {
	char *name; /* canonical, without a leading slash */
	char *link; /* canonical name that a symbolic or hard link stands for; NULL: a
		       file */
	uint64_t offset, size;
	size_t order; /* in the archive: of two with one name the later counts */
	bool is_sparse;
};

struct bundle {
	int dirfd; /* -1: an archive */
	int archive_fd;
	struct member *members;
	size_t count, room;
};

static const char *const rootfs_names[] = { "bin", "boot", "dev", "etc", "home", "lib",
	"lib32", "lib64", "libx32", "media", "mnt", "opt", "proc", "root", "run", "sbin",
	"srv", "sys", "tmp", "usr", "var", NULL };
static const char *const image_names[] = { "manifest.json", "oci-layout", "index.json",
	"repositories", "blobs", "manifest", "rootfs", NULL };
/* The files of an App Container Image, which are no files about it. */
static const char content_prefix[] = "rootfs/";

static bool is_among(const char *const *names, const char *part, size_t len)
{
	for (; *names; names++) {
		if (strlen(*names) == len && memcmp(*names, part, len) == 0)
			return true;
	}
	return false;
}

/* A layer, a configuration or a v1 directory of docker's archives: "<64 hex digits>…". */
static bool is_hex_name(const char *part, size_t len)
{
	return len >= 64 && strspn(part, "0123456789abcdef") == 64;
}

static enum bundle_shape shape_of(const char *name)
{
	size_t len = strcspn(name, "/");

	if (is_among(rootfs_names, name, len))
		return BUNDLE_ROOTFS;
	if (is_among(image_names, name, len) || is_hex_name(name, len))
		return BUNDLE_IMAGE;
	return BUNDLE_UNKNOWN;
}

static const char *skip_dot_slash(const char *path)
{
	for (;;) {
		path += strspn(path, "/");
		if (path[0] != '.' || (path[1] != '/' && path[1]))
			return path;
		path++;
	}
}

int bundle_guess(struct stream *in, enum bundle_shape *ret, struct err *err)
{
	cleanup_tar struct tar *tar = NULL;
	enum bundle_shape shape = BUNDLE_UNKNOWN;
	struct tar_entry entry;
	int r;

	r = tar_open(in, &tar, err);
	if (r < 0)
		return r;
	while (shape == BUNDLE_UNKNOWN) {
		r = tar_next(tar, &entry, err);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		shape = shape_of(skip_dot_slash(entry.path));
	}
	*ret = shape;
	return 0;
}

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->count; i++) {
		free(b->members[i].name);
		free(b->members[i].link);
	}
	free(b->members);
	free(b);
}

int bundle_of_dir(int dirfd, struct bundle **ret, struct err *err)
{
	struct bundle *b = calloc(1, sizeof(*b));

	if (!b)
		return err_oom(err);
	b->dirfd = dirfd;
	b->archive_fd = -1;
	*ret = b;
	return 0;
}

static struct member *new_member(struct bundle *b)
{
	if (array_grow(&b->members, b->count, &b->room, sizeof(*b->members)) < 0)
		return NULL;
	b->members[b->count] = (struct member){ .order = b->count };
	return &b->members[b->count++];
}

/* path_clean() without its slash. */
static char *canonical(const char *path)
{
	char *clean = path_clean(path);

	if (clean)
		memmove(clean, clean + 1, strlen(clean));
	return clean;
}

/* The name a symbolic link stands for, seen from the directory that holds it. */
static char *link_name(const struct tar_entry *entry)
{
	cleanup_free char *joined = NULL;
	const char *base;

	if (entry->hardlink || entry->symlink[0] == '/')
		return canonical(entry->hardlink ? entry->hardlink : entry->symlink);
	base = path_base(entry->path);
	joined = str_printf(
		"%.*s%s", (int)(base - entry->path), entry->path, entry->symlink);
	return joined ? canonical(joined) : NULL;
}

static int add_member(
	struct bundle *b, struct tar *tar, const struct tar_entry *entry, struct err *err)
{
	struct member *m;
	const void *piece;
	uint64_t offset;
	size_t len;
	int r;

	if (b->count >= MEMBERS_MAX)
		return err_say(err, EFBIG,
			"the archive has more than %d members, too many for an image",
			MEMBERS_MAX);
	m = new_member(b);
	if (!m)
		return err_oom(err);
	m->name = canonical(entry->path);
	if (!m->name)
		return err_oom(err);
	if (entry->hardlink || entry->symlink) {
		m->link = link_name(entry);
		return m->link ? 0 : err_oom(err);
	}
	m->size = entry->size;
	m->is_sparse = entry->is_sparse;
	if (!entry->size || entry->is_sparse)
		return 0;
	/* The reader has passed all extension headers only when it gives data. */
	r = tar_data(tar, &piece, &len, &offset, err);
	if (r < 0)
		return r;
	m->offset = tar_position(tar);
	return 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *ma = a, *mb = b;
	int r = strcmp(ma->name, mb->name);

	return r ? r : (ma->order > mb->order) - (ma->order < mb->order);
}

static int scan(struct bundle *b, struct tar *tar, bool is_forced,
	enum bundle_shape *ret_shape, struct err *err)
{
	struct tar_entry entry;
	enum bundle_shape shape;
	int r;

	while ((r = tar_next(tar, &entry, err)) > 0) {
		shape = is_forced ? BUNDLE_UNKNOWN : shape_of(skip_dot_slash(entry.path));
		if (shape != BUNDLE_UNKNOWN)
			*ret_shape = shape;
		if (shape == BUNDLE_ROOTFS)
			return 0;
		if (!S_ISREG(entry.mode) && !entry.hardlink && !entry.symlink)
			continue;
		if (str_skip_prefix(skip_dot_slash(entry.path), content_prefix))
			continue;
		r = add_member(b, tar, &entry, err);
		if (r < 0)
			return r;
	}
	return r;
}

int bundle_of_archive(const struct byte_range *archive, bool is_forced,
	struct bundle **ret, enum bundle_shape *ret_shape, struct err *err)
{
	cleanup_bundle struct bundle *b = calloc(1, sizeof(*b));
	cleanup_tar struct tar *tar = NULL;
	struct stream *in = NULL;
	int r;

	if (!b)
		return err_oom(err);
	b->dirfd = -1;
	b->archive_fd = archive->fd;
	r = stream_of_range(archive, &in, err);
	if (r < 0)
		return r;
	r = tar_open(in, &tar, err);
	if (r < 0)
		return r;
	*ret_shape = BUNDLE_UNKNOWN;
	r = scan(b, tar, is_forced, ret_shape, err);
	if (r < 0)
		return r;
	if (b->count)
		qsort(b->members, b->count, sizeof(*b->members), compare_members);
	*ret = *ret_shape == BUNDLE_ROOTFS ? NULL : take_ptr(b);
	return 0;
}

/* The last of those with the name. */
static const struct member *lookup(const struct bundle *b, const char *name)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(b->members[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && str_eq(b->members[low - 1].name, name) ? &b->members[low - 1]
							     : NULL;
}

bool bundle_is_dir(const struct bundle *b)
{
	return b->dirfd >= 0;
}

const char *bundle_name(const struct bundle *b, size_t n)
{
	return n < b->count ? b->members[n].name : NULL;
}

bool bundle_has(const struct bundle *b, const char *name)
{
	cleanup_close int fd = -1;

	if (!bundle_is_dir(b))
		return lookup(b, name) != NULL;
	fd = path_open_beneath(b->dirfd, name, O_PATH, 0);
	return fd >= 0;
}

static int find_file(
	const struct bundle *b, const char *name, struct byte_range *ret, struct err *err)
{
	cleanup_close int fd = -1;
	char show[SHOWN_MAX];
	struct stat st;

	fd = path_open_beneath(b->dirfd, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd == -ENOENT)
		return BUNDLE_ABSENT;
	if (fd < 0)
		return err_set(
			err, -fd, "open %s of the image layout", shown(name, show));
	if (fstat(fd, &st) < 0)
		return err_set(
			err, errno, "look at %s of the image layout", shown(name, show));
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL,
			"%s of the image layout is not a regular file",
			shown(name, show));
	*ret = (struct byte_range){ .fd = take_fd(&fd), .size = (uint64_t)st.st_size };
	return 0;
}

static int find_member(
	const struct bundle *b, const char *name, struct byte_range *ret, struct err *err)
{
	const struct member *m = lookup(b, name);
	char show[SHOWN_MAX];
	int fd;

	for (int hops = 0; m && m->link; hops++) {
		if (hops >= LINK_HOPS_MAX)
			return err_say(err, ELOOP,
				"member %s of the archive leads in a circle",
				shown(name, show));
		m = lookup(b, m->link);
	}
	if (!m)
		return BUNDLE_ABSENT;
	if (m->is_sparse)
		return err_say(err, ENOTSUP,
			"member %s of the archive is stored as a sparse file",
			shown(name, show));
	fd = fcntl(b->archive_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "open member %s", shown(name, show));
	*ret = (struct byte_range){ .fd = fd, .offset = m->offset, .size = m->size };
	return 0;
}

int bundle_find(
	const struct bundle *b, const char *name, struct byte_range *ret, struct err *err)
{
	cleanup_free char *clean = NULL;

	if (bundle_is_dir(b))
		return find_file(b, name, ret, err);
	clean = canonical(name);
	return clean ? find_member(b, clean, ret, err) : err_oom(err);
}

static int read_range(const struct byte_range *range, char **ret, struct err *err)
{
	cleanup_free char *text = malloc(range->size + 1);
	size_t done = 0;
	ssize_t n;

	if (!text)
		return err_oom(err);
	while (done < range->size) {
		n = pread(range->fd, text + done, range->size - done,
			(off_t)(range->offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read the archive");
		if (n == 0)
			return err_say(err, EBADMSG, "the archive is truncated");
		done += (size_t)n;
	}
	text[done] = '\0';
	*ret = take_ptr(text);
	return 0;
}

int bundle_read(const struct bundle *b, const char *name, size_t max, char **ret,
	size_t *ret_len, struct err *err)
{
	struct byte_range range = { .fd = -1 };
	cleanup_close int fd = -1;
	char show[SHOWN_MAX];
	int r;

	r = bundle_find(b, name, &range, err);
	if (r != 0)
		return r;
	fd = range.fd;
	if (range.size > max)
		return err_say(err, EFBIG, "%s has %" PRIu64 " bytes, the limit is %zu",
			shown(name, show), range.size, max);
	r = read_range(&range, ret, err);
	if (r < 0)
		return err_wrap(err, "%s", shown(name, show));
	*ret_len = range.size;
	return 0;
}
