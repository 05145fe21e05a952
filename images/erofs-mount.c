/* SPDX-License-Identifier: Apache-2.0 */
#include "images/erofs-mount.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define PROBE_SIZE (EROFS_INODES_AT + 2 * EROFS_BLOCK)

/* What the file system has to say beside an error ("e erofs: …"). */
static int failed(int fs_fd, int code, const char *what, struct err *err)
{
	char message[256], shown[512];
	ssize_t n = read(fs_fd, message, sizeof(message) - 1);

	if (n <= 2)
		return err_set(err, code, "%s", what);
	message[n] = '\0';
	message[strcspn(message, "\n")] = '\0';
	str_printable(message + 2, shown, sizeof(shown));
	return err_set(err, code, "%s: %s", what, shown);
}

static int set_file(int fs_fd, const char *key, int fd)
{
	char path[PATH_OF_FD_MAX];

	return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path_of_fd(fd, path), 0);
}

static int mount_context(int fs_fd, const char *what, struct err *err)
{
	int fd;

	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(fs_fd, errno, what, err);
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	return fd < 0 ? failed(fs_fd, errno, what, err) : fd;
}

int erofs_mount(const struct erofs_mount_files *files, struct err *err)
{
	cleanup_close int fs_fd = fsopen("erofs", FSOPEN_CLOEXEC);
	int r;

	if (fs_fd < 0 && errno == ENODEV)
		return err_say(err, ENODEV, "this kernel has no EROFS");
	if (fs_fd < 0)
		return err_set(err, errno, "open EROFS");
	r = set_file(fs_fd, "source", files->image_fd);
	if (r == 0)
		r = fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	for (size_t i = 0; r == 0 && i < files->device_count; i++)
		r = set_file(fs_fd, "device", files->device_fds[i]);
	if (r < 0)
		return failed(fs_fd, errno, "set up an EROFS mount", err);
	r = mount_context(fs_fd, "mount a layer's EROFS image", err);
	if (r == -ENOTBLK)
		return err_say(err, ENOTBLK,
			"this kernel does not mount EROFS from a file (Linux 6.12 does)");
	return r;
}

/* ---- the probe ---- */

/* The smallest image: an empty root directory. */
static void make_empty(uint8_t image[PROBE_SIZE])
{
	const uint32_t root = EROFS_INODES_AT / EROFS_NID;
	const uint32_t names_at = EROFS_INODES_AT + EROFS_BLOCK;
	const struct erofs_super super = {
		.magic = htole32(EROFS_MAGIC),
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = htole16((uint16_t)root),
		.inodes = htole64(1),
		.blocks = htole32(PROBE_SIZE / EROFS_BLOCK),
		.feature_incompat =
			htole32(EROFS_INCOMPAT_CHUNKS | EROFS_INCOMPAT_DEVICES),
		.devices = htole16(1),
		.device_slot = htole16(EROFS_SLOTS_AT / sizeof(struct erofs_slot)),
	};
	const struct erofs_dirent names[2] = {
		{ .nid = htole64(root),
			.name_at = htole16(2 * sizeof(names[0])),
			.type = 2 },
		{ .nid = htole64(root),
			.name_at = htole16(2 * sizeof(names[0]) + 1),
			.type = 2 },
	};
	const struct erofs_inode inode = {
		.format = htole16(EROFS_PLAIN),
		.mode = htole16(S_IFDIR | 0755),
		.size = htole64(sizeof(names) + 3),
		.place = htole32(names_at / EROFS_BLOCK),
		.number = htole32(1),
		.links = htole32(2),
	};

	memset(image, 0, PROBE_SIZE);
	memcpy(image + EROFS_SUPER_AT, &super, sizeof(super));
	memcpy(image + EROFS_INODES_AT, &inode, sizeof(inode));
	memcpy(image + names_at, names, sizeof(names));
	memcpy(image + names_at + sizeof(names), "...", 3);
}

/* Nothing else tells whether this kernel takes detached mounts as layers, and as many file
 * systems on each other as these would be. */
static int overlay_over(const int fds[2], struct err *err)
{
	static const char what[] = "put an overlay over EROFS";
	cleanup_close int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC), fd = -1;

	if (fs_fd < 0)
		return err_set(err, errno, "open overlayfs");
	if (set_file(fs_fd, "lowerdir+", fds[0]) < 0 ||
		set_file(fs_fd, "lowerdir+", fds[1]) < 0)
		return failed(fs_fd, errno, what, err);
	fd = mount_context(fs_fd, what, err);
	return fd < 0 ? fd : 0;
}

int erofs_probe(int dirfd, struct err *err)
{
	cleanup_close int fd = -1, one = -1, two = -1;
	struct erofs_mount_files files;
	uint8_t image[PROBE_SIZE];
	int fds[2], r;

	make_empty(image);
	fd = fd_unnamed(dirfd, ".");
	r = fd < 0 ? fd : fd_write_all(fd, image, sizeof(image));
	if (r < 0)
		return err_set(err, -r, "make a temporary file");
	files = (struct erofs_mount_files){
		.image_fd = fd, .device_fds = { fd }, .device_count = 1
	};
	one = erofs_mount(&files, err);
	if (one < 0)
		return one;
	two = erofs_mount(&files, err);
	if (two < 0)
		return two;
	fds[0] = one;
	fds[1] = two;
	return overlay_over(fds, err);
}
