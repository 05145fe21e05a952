/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-render.h"

#include "common/fd.h"
#include "common/path.h"
#include "images/aci-manifest.h"
#include "images/tar.h"
#include "images/writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <search.h>

#define WHITEOUT_PREFIX ".wh."
#define BLOCK_LEN 65536
#define ZEROS_LEN 65536U

/* A path of the root file system that has been written. */
struct node {
	char *path;
	const struct aci_part *part; /* by which, last */
	bool is_dir;
};

/* A file that only its hard links keep: the first of them becomes the file. */
struct promoted {
	char *target, *link;
};

struct render {
	struct unpack_usage *usage;
	struct archive *out;
	int out_fd;
	void *nodes, *promoted; /* trees of tsearch(3) */
	const struct aci_part *part;
	bool has_manifest, has_rootfs;
	uint8_t *zeros;
};

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->path, ((const struct node *)b)->path);
}

static void free_node(void *p)
{
	struct node *node = p;

	free(node->path);
	free(node);
}

static int compare_promoted(const void *a, const void *b)
{
	return strcmp(((const struct promoted *)a)->target,
		((const struct promoted *)b)->target);
}

static void free_promoted(void *p)
{
	struct promoted *promoted = p;

	free(promoted->target);
	free(promoted->link);
	free(promoted);
}

static la_ssize_t put_output(struct archive *a, void *arg, const void *data, size_t len)
{
	int r = fd_write_all(*(int *)arg, data, len);

	if (r == 0)
		return (la_ssize_t)len;
	archive_set_error(a, -r, "cannot write");
	return ARCHIVE_FATAL;
}

static int write_failed(struct render *rd, struct err *err)
{
	int code = archive_errno(rd->out);

	return err_set(err, code > 0 ? code : EIO, "write a temporary file in the store");
}

/* PAX throughout, so that nothing depends on what happens to fit; names stay bytes. */
static int open_output(struct render *rd, struct err *err)
{
	rd->out = archive_write_new();
	rd->zeros = calloc(1, ZEROS_LEN);
	if (!rd->out || !rd->zeros)
		return err_oom(err);
	if (archive_write_set_format_pax(rd->out) != ARCHIVE_OK ||
		archive_write_set_options(rd->out, "hdrcharset=BINARY") != ARCHIVE_OK ||
		archive_write_set_bytes_per_block(rd->out, BLOCK_LEN) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(rd->out, 512) != ARCHIVE_OK ||
		archive_write_open(rd->out, &rd->out_fd, NULL, put_output, NULL) !=
			ARCHIVE_OK)
		return write_failed(rd, err);
	return 0;
}

/* ---- names ---- */

static struct node *find_node(struct render *rd, const char *path)
{
	struct node key = { .path = (char *)(uintptr_t)path };
	struct node **found = tfind(&key, &rd->nodes, compare_nodes);

	return found ? *found : NULL;
}

static int note_node(struct render *rd, const char *path, bool is_dir, struct err *err)
{
	struct node *node = find_node(rd, path);

	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return err_oom(err);
		node->path = strdup(path);
		if (!node->path || !tsearch(node, &rd->nodes, compare_nodes)) {
			free_node(node);
			return err_oom(err);
		}
	}
	node->part = rd->part;
	node->is_dir = is_dir;
	return 0;
}

static bool is_listed(const struct render *rd, const char *path, bool is_dir)
{
	for (size_t i = 0; i < rd->part->whitelist_count; i++) {
		if (!aci_whitelist_has(rd->part->whitelists[i].paths,
			    rd->part->whitelists[i].count, path, is_dir))
			return false;
	}
	return true;
}

/* The path below rootfs/, "" for itself; NULL: the manifest. */
static int below_rootfs(struct render *rd, const struct tar_entry *e,
	struct writer_path *path, char **ret, struct err *err)
{
	char show[SHOWN_MAX];
	const char *rest;
	int r;

	r = writer_path_parse(e->path, rd->usage->limits, path, err);
	if (r < 0)
		return r;
	*ret = NULL;
	if (str_eq(path->text, ACI_MANIFEST_NAME)) {
		if (!S_ISREG(e->mode) || e->hardlink || rd->has_manifest)
			return err_say(
				err, EINVAL, "its manifest must be one regular file");
		rd->has_manifest = true;
		return 0;
	}
	rest = str_skip_prefix(path->text, ACI_ROOTFS_NAME);
	if (!rest || (*rest && *rest != '/')) {
		/* "./" of an archive that was made of a directory. */
		if (!*path->text && S_ISDIR(e->mode))
			return 0;
		return err_say(err, EINVAL, "it holds %s beside manifest and rootfs",
			shown(e->path, show));
	}
	if (!*rest && !S_ISDIR(e->mode))
		return err_say(err, EINVAL, "its rootfs is no directory");
	rd->has_rootfs = true;
	*ret = path->text + (rest - path->text) + (*rest != '\0');
	return 0;
}

static int target_below_rootfs(struct render *rd, const struct tar_entry *e,
	struct writer_path *target, const char **ret, struct err *err)
{
	char show[SHOWN_MAX];
	const char *rest;
	int r;

	r = writer_path_parse(e->hardlink, rd->usage->limits, target, err);
	if (r < 0)
		return r;
	rest = str_skip_prefix(target->text, ACI_ROOTFS_NAME "/");
	if (!rest || !*rest)
		return err_say(err, EINVAL,
			"member %s is a hard link to something that is not below rootfs",
			shown(e->path, show));
	*ret = rest;
	return 0;
}

/* ---- writing ---- */

static int write_header(struct render *rd, struct archive_entry *entry, struct err *err)
{
	char show[SHOWN_MAX];
	int r = archive_write_header(rd->out, entry);

	/* Warnings are of names in no character set, which stay as they are. */
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 0;
	if (archive_errno(rd->out) > 0)
		return write_failed(rd, err);
	return err_say(err, EINVAL, "member %s cannot be kept in a tar archive",
		shown(archive_entry_pathname(entry), show));
}

/* A link, or something else, of an image below is where a directory must be. */
static int write_dir(struct render *rd, const char *path, struct err *err)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry)
		return err_oom(err);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, S_IFDIR | 0755);
	r = write_header(rd, entry, err);
	archive_entry_free(entry);
	return r < 0 ? r : note_node(rd, path, true, err);
}

static int replace_parents(struct render *rd, char *path, struct err *err)
{
	int r = 0;

	for (char *slash = strchr(path, '/'); r == 0 && slash;
		slash = strchr(slash + 1, '/')) {
		struct node *node;

		*slash = '\0';
		node = find_node(rd, path);
		if (node && !node->is_dir && node->part != rd->part)
			r = write_dir(rd, path, err);
		*slash = '/';
	}
	return r;
}

/* data NULL: a hole. */
static int write_bytes(struct render *rd, const void *data, uint64_t len, struct err *err)
{
	while (len) {
		size_t step = data || len < ZEROS_LEN ? (size_t)len : ZEROS_LEN;
		la_ssize_t n = archive_write_data(rd->out, data ? data : rd->zeros, step);

		if (n < 0 || (size_t)n != step)
			return write_failed(rd, err);
		len -= step;
	}
	return 0;
}

/* libarchive's writer wants holes as zeros, and leaves them out by itself. */
static int write_content(
	struct render *rd, struct tar *tar, const struct tar_entry *e, struct err *err)
{
	uint64_t offset = 0, end = 0;
	const void *piece;
	size_t len;
	int r = 0;

	while (r == 0 && e->has_data) {
		r = tar_data(tar, &piece, &len, &offset, err);
		if (r <= 0)
			break;
		r = offset < end ? err_say(err, EBADMSG, "a sparse member goes backwards")
				 : write_bytes(rd, NULL, offset - end, err);
		if (r == 0)
			r = write_bytes(rd, piece, len, err);
		end = offset + len;
	}
	if (r == 0 && e->has_data && end < e->size)
		r = write_bytes(rd, NULL, e->size - end, err);
	return r;
}

static int write_member(struct render *rd, struct tar *tar, const struct tar_entry *e,
	char *path, const char *target, struct err *err)
{
	struct archive_entry *entry = tar_entry_of(tar);
	bool is_dir = S_ISDIR(e->mode) && !e->hardlink;
	cleanup_free char *name = str_printf("%s", *path ? path : ".");
	cleanup_free char *link = target ? strdup(target) : NULL;
	const struct node *node = find_node(rd, path);
	char show[SHOWN_MAX];
	int r;

	if (!name || (target && !link))
		return err_oom(err);
	if (node && node->part == rd->part)
		return err_say(
			err, EINVAL, "member %s is there twice", shown(e->path, show));
	r = unpack_usage_bytes(rd->usage, e->size, e->path, err);
	if (r == 0)
		r = replace_parents(rd, path, err);
	if (r < 0)
		return r;
	/* The strings of `e` go with the names. */
	archive_entry_set_pathname(entry, name);
	if (link)
		archive_entry_set_hardlink(entry, link);
	archive_entry_set_uname(entry, NULL);
	archive_entry_set_gname(entry, NULL);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	r = write_header(rd, entry, err);
	if (r == 0)
		r = write_content(rd, tar, e, err);
	return r < 0 ? r : note_node(rd, path, is_dir, err);
}

/* ---- members ---- */

static int check_base(const char *path, const char *member, struct err *err)
{
	char show[SHOWN_MAX];

	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (str_skip_prefix(at, WHITEOUT_PREFIX))
			return err_say(err, EINVAL,
				"member %s: a name that begins with " WHITEOUT_PREFIX
				" would be a deletion in a layer",
				shown(member, show));
	}
	return 0;
}

static const struct promoted *find_promoted(struct render *rd, const char *target)
{
	struct promoted key = { .target = (char *)(uintptr_t)target };
	struct promoted **found = tfind(&key, &rd->promoted, compare_promoted);

	return found ? *found : NULL;
}

static int render_link(struct render *rd, struct tar *tar, const struct tar_entry *e,
	char *path, struct err *err)
{
	const struct promoted *promoted;
	struct writer_path target;
	const char *name = "";
	int r;

	r = target_below_rootfs(rd, e, &target, &name, err);
	if (r < 0)
		return r;
	promoted = find_promoted(rd, name);
	if (promoted && str_eq(promoted->link, path))
		return 0;
	return write_member(rd, tar, e, path, promoted ? promoted->link : name, err);
}

static int render_member(
	struct render *rd, struct tar *tar, const struct tar_entry *e, struct err *err)
{
	const struct promoted *promoted;
	struct writer_path parsed;
	char *path;
	int r;

	r = below_rootfs(rd, e, &parsed, &path, err);
	if (r < 0 || !path)
		return r;
	r = check_base(path, e->path, err);
	if (r < 0)
		return r;
	promoted = e->hardlink ? NULL : find_promoted(rd, path);
	if (promoted)
		return write_member(rd, tar, e, promoted->link, NULL, err);
	if (!is_listed(rd, path, S_ISDIR(e->mode) && !e->hardlink))
		return 0;
	return e->hardlink ? render_link(rd, tar, e, path, err)
			   : write_member(rd, tar, e, path, NULL, err);
}

static int promote(
	struct render *rd, const char *target, const char *link, struct err *err)
{
	struct promoted *promoted;

	if (find_promoted(rd, target))
		return 0;
	promoted = calloc(1, sizeof(*promoted));
	if (!promoted)
		return err_oom(err);
	promoted->target = strdup(target);
	promoted->link = strdup(link);
	if (promoted->target && promoted->link &&
		tsearch(promoted, &rd->promoted, compare_promoted))
		return 0;
	free_promoted(promoted);
	return err_oom(err);
}

static int promote_member(
	struct render *rd, struct tar *tar, const struct tar_entry *e, struct err *err)
{
	struct writer_path parsed, target;
	const char *name = "";
	char *path;
	int r;

	if (!e->hardlink)
		return 0;
	r = below_rootfs(rd, e, &parsed, &path, err);
	if (r == 0 && path)
		r = target_below_rootfs(rd, e, &target, &name, err);
	if (r < 0 || !path || !is_listed(rd, path, false) || is_listed(rd, name, false))
		return r;
	return promote(rd, name, path, err);
}

typedef int (*member_fn)(
	struct render *rd, struct tar *tar, const struct tar_entry *e, struct err *err);

static int each_member(struct render *rd, member_fn fn, struct err *err)
{
	cleanup_tar struct tar *tar = NULL;
	struct stream *in = NULL;
	struct tar_entry e;
	int r;

	r = stream_of_range(&rd->part->archive, &in, err);
	if (r == 0)
		r = tar_open(in, &tar, err);
	while (r == 0) {
		r = tar_next(tar, &e, err);
		if (r <= 0)
			break;
		r = fn(rd, tar, &e, err);
	}
	return r;
}

static int count_member(
	struct render *rd, struct tar *tar, const struct tar_entry *e, struct err *err)
{
	int r = unpack_usage_entry(rd->usage, e->path, err);

	return r < 0 ? r : render_member(rd, tar, e, err);
}

static bool has_whitelist(const struct aci_part *part)
{
	for (size_t i = 0; i < part->whitelist_count; i++) {
		if (part->whitelists[i].paths)
			return true;
	}
	return false;
}

static int render_part(struct render *rd, const struct aci_part *part, struct err *err)
{
	int r = 0;

	rd->part = part;
	rd->has_manifest = rd->has_rootfs = false;
	tdestroy(take_ptr(rd->promoted), free_promoted);
	if (has_whitelist(part))
		r = each_member(rd, promote_member, err);
	if (r == 0)
		r = each_member(rd, count_member, err);
	if (r == 0 && !rd->has_manifest)
		r = err_say(err, EINVAL, "it has no manifest");
	if (r == 0 && !rd->has_rootfs)
		r = err_say(err, EINVAL, "it has no rootfs");
	return r < 0 ? err_wrap(err, "App Container Image %s", part->name) : 0;
}

/* Where a link or a file is on the way, the container finds its place by it, or not. */
static int make_dir(struct render *rd, const char *path, struct err *err)
{
	cleanup_free char *clean = path_clean(path);
	struct node *node;
	int r = 0;

	if (!clean)
		return err_oom(err);
	for (char *slash = clean[1] ? clean : NULL; r == 0 && slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		node = find_node(rd, clean + 1);
		if (node && !node->is_dir)
			break;
		if (!node)
			r = write_dir(rd, clean + 1, err);
		if (slash)
			*slash = '/';
	}
	return r;
}

int aci_render(const struct aci_part *parts, size_t count, char *const *dirs,
	struct unpack_usage *usage, int out_fd, struct err *err)
{
	struct render rd = { .usage = usage, .out_fd = out_fd };
	int r = open_output(&rd, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = render_part(&rd, &parts[i], err);
	strv_each (dir, dirs) {
		if (r == 0)
			r = make_dir(&rd, *dir, err);
	}
	if (r == 0 && archive_write_close(rd.out) != ARCHIVE_OK)
		r = write_failed(&rd, err);
	if (rd.out)
		(void)archive_write_free(rd.out);
	tdestroy(rd.nodes, free_node);
	tdestroy(rd.promoted, free_promoted);
	free(rd.zeros);
	return r;
}
