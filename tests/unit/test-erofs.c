/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "common/str.h"
#include "images/erofs-check.h"
#include "images/erofs-mount.h"
#include "images/erofs-tree.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define MANY 200

struct fixture {
	char path[32];
	int dirfd, data_fd, archive_fd, image_fd;
	struct notes notes;
	struct sink *sink;
	uint8_t *image;
	size_t len;
	uint64_t archive_size;
	bool has_archive;
	struct err err;
};

static void open_sink(struct fixture *f, int archive_fd)
{
	struct erofs_files files = { .data_fd = f->data_fd, .archive_fd = archive_fd };

	assert_int_equal(erofs_tree_new(&files, &f->notes, &f->sink, &f->err), 0);
}

static int new_file(struct fixture *f)
{
	int fd = openat(f->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dirfd = unit_tmpdir(f->path);
	f->data_fd = new_file(f);
	f->archive_fd = new_file(f);
	f->image_fd = new_file(f);
	open_sink(f, -1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sink_free(f->sink);
	free(f->image);
	(void)close(f->data_fd);
	(void)close(f->archive_fd);
	(void)close(f->image_fd);
	(void)close(f->dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

/* ---- a tree ---- */

static int dir_of(struct fixture *f, int dir, const char *name)
{
	int number = f->sink->ops->open_dir(f->sink, dir, name);

	assert_true(number >= 0);
	return number;
}

static void add_dir(struct fixture *f, int dir, const char *name)
{
	assert_int_equal(f->sink->ops->make_dir(f->sink, dir, name, 0700), 0);
}

static void add_piece(
	struct fixture *f, int file, const char *text, uint64_t offset, uint64_t position)
{
	const struct piece piece = {
		.data = text, .len = strlen(text), .offset = offset, .position = position
	};

	assert_int_equal(f->sink->ops->write(f->sink, file, &piece), 0);
}

static void add_file(struct fixture *f, int dir, const char *name, const char *text)
{
	int file = f->sink->ops->make_file(f->sink, dir, name, 0644);

	assert_true(file >= 0);
	add_piece(f, file, text, 0, 1);
	f->sink->ops->close_file(f->sink, file);
}

static void finish(struct fixture *f)
{
	struct stat st;

	assert_int_equal(
		erofs_tree_write(f->sink, f->image_fd, &f->has_archive, &f->err), 0);
	assert_int_equal(fstat(f->image_fd, &st), 0);
	f->len = (size_t)st.st_size;
	f->image = malloc(f->len);
	assert_non_null(f->image);
	assert_int_equal(pread(f->image_fd, f->image, f->len, 0), (ssize_t)f->len);
}

static int check(struct fixture *f)
{
	struct erofs_image image = { .data = f->image, .len = f->len };
	struct stat st;

	assert_int_equal(fstat(f->data_fd, &st), 0);
	image.device_sizes[0] = (uint64_t)st.st_size;
	image.device_sizes[1] = f->archive_size;
	image.device_count = f->has_archive ? 2 : 1;
	return erofs_check(&image, &f->err);
}

static void check_good(struct fixture *f)
{
	if (check(f) != 0)
		fail_msg("%s", f->err.text);
}

/* The mounted image's root, or a skipped test. */
static int mount_it(struct fixture *f)
{
	struct erofs_mount_files files = { .image_fd = f->image_fd,
		.device_fds = { f->data_fd, f->archive_fd },
		.device_count = f->has_archive ? 2 : 1 };
	int fd;

	if (geteuid() != 0 || erofs_probe(f->dirfd, &f->err) < 0)
		skip();
	fd = erofs_mount(&files, &f->err);
	if (fd < 0)
		fail_msg("%s", f->err.text);
	return fd;
}

static void assert_text(int dirfd, const char *name, const char *want)
{
	cleanup_free char *text = NULL;
	size_t len = 0;

	assert_int_equal(fd_read_file(dirfd, name, 1 << 20, &text, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_string_equal(text, want);
}

/* ---- the tests ---- */

static void test_empty(void **state)
{
	struct fixture *f = *state;

	finish(f);
	check_good(f);
	(void)close(mount_it(f));
}

static void test_kinds(void **state)
{
	const struct attributes a = { .mode = S_IFREG | 04755,
		.uid = 7,
		.gid = 4000000000,
		.mtime = { -2, 500000000 } };
	struct fixture *f = *state;
	const struct sink_ops *ops = f->sink->ops;
	cleanup_close int root_fd = -1;
	char long_target[3000], target[4096];
	struct stat st;

	memset(long_target, 'x', sizeof(long_target) - 1);
	long_target[sizeof(long_target) - 1] = '\0';
	add_file(f, f->sink->root, "file", "content");
	assert_int_equal(ops->own(f->sink, f->sink->root, "file", &a), 0);
	assert_int_equal(ops->set_time(f->sink, f->sink->root, "file", &a.mtime), 0);
	assert_int_equal(
		ops->make_link(f->sink, f->sink->root, "file", f->sink->root, "hard"), 0);
	assert_int_equal(ops->make_symlink(f->sink, f->sink->root, "l", "short"), 0);
	assert_int_equal(ops->make_symlink(f->sink, f->sink->root, "ll", long_target), 0);
	assert_int_equal(ops->make_node(f->sink, f->sink->root, "b", S_IFBLK | 0600,
				 makedev(7, 300)),
		0);
	assert_int_equal(
		ops->make_node(f->sink, f->sink->root, "gone", S_IFCHR, makedev(0, 0)),
		0);
	add_dir(f, f->sink->root, "d");
	finish(f);
	check_good(f);
	root_fd = mount_it(f);
	assert_int_equal(fstatat(root_fd, "hard", &st, 0), 0);
	assert_int_equal(st.st_mode, a.mode);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_gid, 4000000000);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_mtim.tv_sec, -2);
	assert_int_equal(st.st_mtim.tv_nsec, 500000000);
	assert_text(root_fd, "hard", "content");
	assert_int_equal(readlinkat(root_fd, "l", target, sizeof(target)), 5);
	assert_int_equal(readlinkat(root_fd, "ll", target, sizeof(target)),
		sizeof(long_target) - 1);
	assert_memory_equal(target, long_target, sizeof(long_target) - 1);
	assert_int_equal(fstatat(root_fd, "b", &st, 0), 0);
	assert_int_equal(st.st_rdev, makedev(7, 300));
	assert_int_equal(fstatat(root_fd, "gone", &st, 0), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	assert_int_equal(fstatat(root_fd, ".", &st, 0), 0);
	assert_int_equal(st.st_nlink, 3);
}

static void test_many_names(void **state)
{
	struct fixture *f = *state;
	cleanup_close int root_fd = -1;
	char name[256], text[16];
	int dir;

	add_dir(f, f->sink->root, "many");
	dir = dir_of(f, f->sink->root, "many");
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "%d%0*d", i, i, 0);
		(void)snprintf(text, sizeof(text), "%d", i);
		add_file(f, dir, name, text);
	}
	add_file(f, dir, "!before the dots", "!");
	finish(f);
	check_good(f);
	root_fd = mount_it(f);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "many/%d%0*d", i, i, 0);
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_text(root_fd, name, text);
	}
	assert_text(root_fd, "many/!before the dots", "!");
}

static void test_removed(void **state)
{
	struct fixture *f = *state;
	const struct sink_ops *ops = f->sink->ops;
	struct sink_facts facts;
	int dir;

	add_dir(f, f->sink->root, "d");
	dir = dir_of(f, f->sink->root, "d");
	add_file(f, dir, "a", "1");
	add_file(f, dir, "b", "2");
	assert_int_equal(ops->remove_dir(f->sink, f->sink->root, "d"), -ENOTEMPTY);
	assert_int_equal(ops->remove(f->sink, dir, "a"), 0);
	assert_int_equal(ops->look(f->sink, dir, "a", &facts), -ENOENT);
	add_file(f, dir, "a", "again");
	assert_int_equal(ops->remove(f->sink, f->sink->root, "d"), 0);
	assert_int_equal(ops->open_dir(f->sink, f->sink->root, "d"), -ENOENT);
	add_file(f, f->sink->root, "d", "file");
	assert_int_equal(ops->open_dir(f->sink, f->sink->root, "d"), -ENOTDIR);
	finish(f);
	check_good(f);
}

static void test_xattrs(void **state)
{
	struct fixture *f = *state;
	cleanup_buf struct buf list = BUF_INIT;
	cleanup_close int root_fd = -1, fd = -1;
	char value[8];
	int dir;

	assert_int_equal(xattr_list_add(&list, "user.k", "old", 3), 0);
	assert_int_equal(xattr_list_add(&list, "user.overlay.opaque", "y", 1), 0);
	assert_int_equal(xattr_list_add(&list, "user.k", "new", 3), 0);
	add_dir(f, f->sink->root, "d");
	dir = dir_of(f, f->sink->root, "d");
	assert_int_equal(f->sink->ops->set_xattrs(
				 f->sink, f->sink->root, "d", &list, "d", &f->err),
		0);
	assert_int_equal(f->notes.kinds[NOTE_XATTR_OVERLAY].count, 1);
	assert_int_equal(f->sink->ops->set_opaque(f->sink, dir), 0);
	finish(f);
	check_good(f);
	root_fd = mount_it(f);
	fd = openat(root_fd, "d", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.k", value, sizeof(value)), 3);
	assert_memory_equal(value, "new", 3);
	assert_int_equal(fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)), 1);
	assert_int_equal(value[0], 'y');
}

/* Content stays in the archive where it begins a block and is in one piece. */
static void test_archive(void **state)
{
	struct fixture *f = *state;
	cleanup_close int root_fd = -1;
	struct stat st;
	int file;

	assert_int_equal(pwrite(f->archive_fd, "here", 4, 1024), 4);
	assert_int_equal(pwrite(f->archive_fd, "first", 5, 2048), 5);
	f->archive_size = 2053;
	sink_free(f->sink);
	open_sink(f, f->archive_fd);
	file = f->sink->ops->make_file(f->sink, f->sink->root, "in", 0644);
	add_piece(f, file, "he", 0, 1024);
	add_piece(f, file, "re", 2, 1026);
	file = f->sink->ops->make_file(f->sink, f->sink->root, "two", 0644);
	add_piece(f, file, "first", 0, 2048);
	add_piece(f, file, "+", 5, 4096);
	add_file(f, f->sink->root, "odd", "odd place");
	file = f->sink->ops->make_file(f->sink, f->sink->root, "hole", 0644);
	add_piece(f, file, "x", 9999, 1024);
	assert_int_equal(f->sink->ops->set_size(f->sink, file, 20000), 0);
	finish(f);
	assert_true(f->has_archive);
	check_good(f);
	root_fd = mount_it(f);
	assert_text(root_fd, "in", "here");
	assert_text(root_fd, "two", "first+");
	assert_text(root_fd, "odd", "odd place");
	assert_int_equal(fstatat(root_fd, "hole", &st, 0), 0);
	assert_int_equal(st.st_size, 20000);
	assert_int_equal(fstat(f->data_fd, &st), 0);
	assert_true(st.st_size >= 20000 && st.st_size < 30000);
}

/* ---- images that are not ours ---- */

static struct erofs_inode *root_inode(struct fixture *f)
{
	return (struct erofs_inode *)(f->image + EROFS_INODES_AT);
}

static struct erofs_dirent *root_names(struct fixture *f)
{
	return (struct erofs_dirent *)(f->image + (size_t)le32toh(root_inode(f)->place) *
							  EROFS_BLOCK);
}

static void spoil_magic(struct fixture *f)
{
	f->image[EROFS_SUPER_AT] ^= 1;
}

static void spoil_block_size(struct fixture *f)
{
	((struct erofs_super *)(f->image + EROFS_SUPER_AT))->block_bits = 12;
}

static void spoil_feature(struct fixture *f)
{
	((struct erofs_super *)(f->image + EROFS_SUPER_AT))->feature_incompat |= 1;
}

static void spoil_length(struct fixture *f)
{
	f->len -= EROFS_BLOCK;
}

static void spoil_count(struct fixture *f)
{
	((struct erofs_super *)(f->image + EROFS_SUPER_AT))->inodes++;
}

static void spoil_root_kind(struct fixture *f)
{
	root_inode(f)->mode = htole16(S_IFREG | 0644);
}

static void spoil_format(struct fixture *f)
{
	root_inode(f)->format = htole16(3);
}

static void spoil_place(struct fixture *f)
{
	root_inode(f)->place = htole32(UINT32_MAX);
}

static void spoil_size(struct fixture *f)
{
	root_inode(f)->size = htole64(UINT64_MAX);
}

static void spoil_xattrs(struct fixture *f)
{
	root_inode(f)->xattr_count = htole16(UINT16_MAX);
}

static void spoil_nid(struct fixture *f)
{
	root_names(f)[2].nid = htole64(1ULL << 40);
}

/* The directory "d" is the root once more. */
static void spoil_cycle(struct fixture *f)
{
	root_names(f)[2].nid = root_names(f)[0].nid;
}

static void spoil_dot(struct fixture *f)
{
	root_names(f)[0].nid = root_names(f)[2].nid;
}

static void spoil_order(struct fixture *f)
{
	char *names = (char *)root_names(f);

	names[le16toh(root_names(f)[2].name_at)] = 'z';
}

static void spoil_slash(struct fixture *f)
{
	char *names = (char *)root_names(f);

	names[le16toh(root_names(f)[2].name_at)] = '/';
}

static void spoil_type(struct fixture *f)
{
	root_names(f)[2].type = 1;
}

static void spoil_name_at(struct fixture *f)
{
	root_names(f)[2].name_at = htole16(600);
}

static struct erofs_inode *file_inode(struct fixture *f)
{
	return (struct erofs_inode *)(f->image +
				      le64toh(root_names(f)[3].nid) * EROFS_NID);
}

static struct erofs_chunk *file_chunk(struct fixture *f)
{
	return (struct erofs_chunk *)(file_inode(f) + 1);
}

static void spoil_device(struct fixture *f)
{
	file_chunk(f)->device = htole16(2);
}

static void spoil_no_device(struct fixture *f)
{
	file_chunk(f)->device = 0;
}

static void spoil_chunk(struct fixture *f)
{
	file_chunk(f)->block = htole32(1);
}

static void spoil_file_size(struct fixture *f)
{
	file_inode(f)->size = htole64(513);
}

static void spoil_chunk_size(struct fixture *f)
{
	file_inode(f)->place = htole32(0x40);
}

static void spoil_link(struct fixture *f)
{
	struct erofs_inode *link =
		(struct erofs_inode *)(f->image +
				       le64toh(root_names(f)[4].nid) * EROFS_NID);

	link->size = htole64(EROFS_BLOCK);
}

static const struct {
	void (*spoil)(struct fixture *f);
	const char *word;
} spoilers[] = {
	{ spoil_magic, "superblock" },
	{ spoil_block_size, "superblock" },
	{ spoil_feature, "superblock" },
	{ spoil_length, "superblock" },
	{ spoil_count, "counts" },
	{ spoil_root_kind, "kind" },
	{ spoil_format, "directory" },
	{ spoil_place, "directory" },
	{ spoil_size, "directory" },
	{ spoil_xattrs, "attributes" },
	{ spoil_nid, "leads out" },
	{ spoil_cycle, "two names" },
	{ spoil_dot, "another directory" },
	{ spoil_order, "sorted" },
	{ spoil_slash, "name" },
	{ spoil_type, "kind" },
	{ spoil_name_at, "in order" },
	{ spoil_device, "device" },
	{ spoil_no_device, "device" },
	{ spoil_chunk, "device" },
	{ spoil_file_size, "nowhere" },
	{ spoil_chunk_size, "nowhere" },
	{ spoil_link, "link" },
};

static void test_spoiled(void **state)
{
	struct fixture *f = *state;
	cleanup_free uint8_t *good = NULL;
	size_t len;

	add_dir(f, f->sink->root, "d");
	add_file(f, f->sink->root, "f", "content");
	assert_int_equal(
		f->sink->ops->make_symlink(f->sink, f->sink->root, "l", "target"), 0);
	finish(f);
	check_good(f);
	len = f->len;
	good = malloc(len);
	assert_non_null(good);
	memcpy(good, f->image, len);
	for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
		memcpy(f->image, good, len);
		f->len = len;
		spoilers[i].spoil(f);
		if (check(f) != -EBADMSG || !strstr(f->err.text, spoilers[i].word))
			fail_msg("spoiler %zu: %s", i, f->err.text);
	}
}

/* No single byte that is other makes the checker read beyond the image (under sanitizers). */
static void test_any_byte(void **state)
{
	struct fixture *f = *state;

	add_dir(f, f->sink->root, "d");
	add_file(f, f->sink->root, "f", "content");
	finish(f);
	for (size_t at = EROFS_SUPER_AT; at < f->len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			f->image[at] ^= (uint8_t)(1 << bit);
			(void)!check(f);
			f->image[at] ^= (uint8_t)(1 << bit);
		}
	}
	check_good(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoiled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_byte, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
