/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes and the root file systems that a container sees, looked at from inside. */
#include "tests/unit/isolate-fixture.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int look_at_volumes(const struct isolation *isolation, struct err *err)
{
	char text[64];

	want(fd_read_kernel_file(AT_FDCWD, "/a/b/c/file", text, sizeof(text)) == 0);
	want(str_eq(text, "from the host\n"));
	want(is_readonly("/a/b/c") && open("/a/b/c/new", O_CREAT | O_WRONLY, 0600) < 0);
	want(fd_read_kernel_file(AT_FDCWD, "/one", text, sizeof(text)) == 0);
	want(open("/one", O_WRONLY | O_CLOEXEC) >= 0);
	want(access("/etc/passwd", F_OK) == 0 && has_magic("/etc", TMPFS_MAGIC));
	want(count_lines("/etc/passwd") == 2);
	return 0;
}

#define VOLUMES                                                                          \
	"{\"destination\":\"/a/b/"                                                       \
	"c\",\"source\":\"volume\",\"options\":[\"rbind\",\"rro\"]},"                    \
	"{\"destination\":\"one\",\"type\":\"bind\",\"source\":\"volume/file\"},"        \
	"{\"destination\":\"/etc\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"

static void test_volumes(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){ .mounts = MOUNTS "," VOLUMES });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_volumes
	};

	skip_unless_possible();
	run_box(&box);
}

static int look_at_idmap(const struct isolation *isolation, struct err *err)
{
	struct stat st;

	want(stat("/vol/file", &st) == 0 && st.st_uid == 5000 && st.st_gid == 5000);
	return 0;
}

static void test_idmapped_volume(void **state)
{
	struct bundle *b = *state;
	const struct parts parts = {
		.mounts = MOUNTS
		",{\"destination\":\"/vol\",\"source\":\"volume\","
		"\"options\":[\"bind\",\"idmap\"],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":1}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":1}]}",
	};
	cleanup_free char *text = config(&parts);
	struct box box = { .config = text, .bundle_dirfd = b->fd, .look = look_at_idmap };
	struct err err;

	skip_unless_possible();
	if (box_run(&box, &err) == -EINVAL && strstr(err.text, "takes no id map"))
		skip();
	if (err.code)
		fail_msg("%s", err.text);
}

static int look_at_overlay(const struct isolation *isolation, struct err *err)
{
	char text[64];

	want(fd_read_kernel_file(AT_FDCWD, "/name", text, sizeof(text)) == 0);
	want(str_eq(text, "layer 19"));
	want(access("/only-0", F_OK) == 0 && access("/only-7", F_OK) == 0);
	want(mkdir("/written", 0755) == 0);
	return 0;
}

#define LAYERS 20

/* Layers on a tmpfs, so that upper and lower are not overlayfs themselves. */
static void make_layers(
	struct bundle *b, struct rootfs *rootfs, int lowers[LAYERS], uid_t owner)
{
	char options[64], name[32];

	(void)snprintf(options, sizeof(options), "mode=755,uid=%u,gid=%u", owner, owner);
	assert_int_equal(mount("tmpfs", b->path, "tmpfs", 0, options), 0);
	(void)close(b->fd);
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < LAYERS; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		lowers[i] = fd_mkdir_open(b->fd, name, 0755);
		(void)snprintf(name, sizeof(name), "layer %d", i);
		write_file(lowers[i], "name", name);
		(void)snprintf(name, sizeof(name), "only-%d", i);
		write_file(lowers[i], name, "");
		assert_int_equal(fchown(lowers[i], owner, owner), 0);
	}
	rootfs->upper_fd = fd_mkdir_open(b->fd, "upper", 0755);
	rootfs->work_fd = fd_mkdir_open(b->fd, "work", 0755);
	assert_int_equal(fchown(rootfs->upper_fd, owner, owner), 0);
	assert_int_equal(fchown(rootfs->work_fd, owner, owner), 0);
}

static void run_overlay(struct bundle *b, const char *text, uid_t launcher)
{
	int lowers[LAYERS];
	struct rootfs rootfs = { .kind = ROOTFS_OVERLAY,
		.target_fd = -1,
		.lower_fds = lowers,
		.lower_count = LAYERS,
		.is_volatile = !launcher };
	struct box box = { .config = text,
		.bundle_dirfd = b->fd,
		.rootfs = &rootfs,
		.launcher = launcher,
		.look = look_at_overlay };

	make_layers(b, &rootfs, lowers, launcher);
	box.bundle_dirfd = b->fd;
	run_box(&box);
	assert_int_equal(faccessat(rootfs.upper_fd, "written", F_OK, 0), 0);
	for (int i = 0; i < LAYERS; i++)
		(void)close(lowers[i]);
	(void)close(rootfs.upper_fd);
	(void)close(rootfs.work_fd);
	assert_int_equal(umount2(b->path, MNT_DETACH), 0);
}

/* More layers than fit in one string of fsconfig(2) as full names. */
static void test_overlay(void **state)
{
	cleanup_free char *text = config(&(struct parts){ 0 });

	skip_unless_possible();
	run_overlay(*state, text, 0);
}

static void test_overlay_of_normal_user(void **state)
{
	const struct parts parts = {
		.namespaces = NAMESPACES ",{\"type\":\"user\"}",
		.more_linux =
			",\"uidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}]",
	};
	cleanup_free char *text = config(&parts);

	skip_unless_possible();
	run_overlay(*state, text, 4321);
}

/* lowerdir of a volume may be longer than one string of fsconfig(2). */
static int look_at_long_overlay(const struct isolation *isolation, struct err *err)
{
	want(has_magic("/o", OVERLAYFS_SUPER_MAGIC) && is_readonly("/o"));
	want(access("/o/file", F_OK) == 0);
	return 0;
}

static void test_long_overlay_option(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *mounts = NULL, *text = NULL;
	struct box box = { .bundle_dirfd = b->fd, .look = look_at_long_overlay };
	char padding[257];

	skip_unless_possible();
	memset(padding, '/', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	mounts =
		str_printf(MOUNTS ",{\"destination\":\"/o\",\"type\":\"overlay\","
				  "\"source\":\"overlay\",\"options\":[\"ro\",\"lowerdir="
				  "%s%s/volume:%s/root\"]}",
			padding, b->path, b->path);
	text = config(&(struct parts){ .mounts = mounts });
	box.config = text;
	run_box(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		isolate_test(test_volumes),
		isolate_test(test_idmapped_volume),
		isolate_test(test_overlay),
		isolate_test(test_long_overlay_option),
		isolate_test(test_overlay_of_normal_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
