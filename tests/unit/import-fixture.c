/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/import-fixture.h"

#include "common/fd.h"
#include "images/store-durable.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A user namespace of one id, as a rootless caller would have it. -1: not to be had here.
 */
static int make_userns(void)
{
	char path[64], map[64];
	int sync[2], fd = -1;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(sync, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)!write(sync[1], unshare(CLONE_NEWUSER) == 0 ? "y" : "n", 1);
		for (;;)
			(void)pause();
	}
	if (read(sync[0], &c, 1) == 1 && c == 'y') {
		(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
		(void)!fd_write_kernel_file(AT_FDCWD, path, "deny");
		(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		(void)snprintf(map, sizeof(map), "0 %u 1", geteuid());
		(void)!fd_write_kernel_file(AT_FDCWD, path, map);
		(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		(void)snprintf(map, sizeof(map), "0 %u 1", getegid());
		(void)!fd_write_kernel_file(AT_FDCWD, path, map);
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(sync[0]);
	(void)close(sync[1]);
	return fd;
}

int import_set_up(void **state)
{
	const char *build_dir = getenv("UCR_BUILDDIR") ? getenv("UCR_BUILDDIR") : ".";
	cleanup_free char *fake = str_printf("%s/tests/unit/fake-unpack", build_dir);
	cleanup_free char *real = fake ? realpath(fake, NULL) : NULL;
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_non_null(real);
	f->dirfd = unit_tmpdir(f->path);
	assert_int_equal(mkdirat(f->dirfd, "libexec", 0700), 0);
	assert_int_equal(symlinkat(real, f->dirfd, "libexec/ucr-unpack"), 0);
	(void)snprintf(f->archive, sizeof(f->archive), "%s/image.tar", f->path);
	(void)snprintf(f->log, sizeof(f->log), "%s/log", f->path);
	(void)snprintf(f->libexec, sizeof(f->libexec), "%s/libexec", f->path);
	assert_int_equal(setenv("FAKE_UNPACK_LOG", f->log, 1), 0);
	f->store_dirfd = fd_mkdir_open(f->dirfd, "store", 0700);
	assert_true(f->store_dirfd >= 0);
	assert_int_equal(store_open(f->store_dirfd, f->libexec, &f->store, &f->err), 0);
	f->userns_fd = -1;
	*state = f;
	return 0;
}

int import_set_up_userns(void **state)
{
	struct fixture *f;

	(void)import_set_up(state);
	f = *state;
	f->userns_fd = make_userns();
	return 0;
}

void wait_for_flush(struct fixture *f)
{
	int fd;

	assert_int_equal(store_lock_layers(f->store, &fd, &f->err), 0);
	(void)close(fd);
}

int import_tear_down(void **state)
{
	struct fixture *f = *state;

	wait_for_flush(f);
	store_free(f->store);
	(void)close(f->store_dirfd);
	(void)close(f->dirfd);
	if (f->userns_fd >= 0)
		(void)close(f->userns_fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

void need_rights(struct fixture *f)
{
	if (geteuid() != 0 && f->userns_fd < 0)
		f->userns_fd = make_userns();
	if (geteuid() != 0 && f->userns_fd < 0)
		skip();
}

void script(struct fixture *f, const char *text)
{
	assert_int_equal(fd_replace_file(f->dirfd, "image.tar", text, strlen(text), 0600,
				 FD_NO_SYNC),
		0);
}

int obtain(struct fixture *f, enum pull_policy pull, struct image **ret)
{
	struct import_request request = {
		.reference = f->archive, .pull = pull, .userns.userns_fd = f->userns_fd
	};

	return image_obtain(f->store, &request, ret, &f->err);
}

size_t count_unpacked(struct fixture *f)
{
	cleanup_free char *text = NULL;
	size_t n = 0;

	if (fd_read_file(f->dirfd, "log", 1 << 20, &text, NULL) < 0)
		return 0;
	for (const char *at = text; *at; at++)
		n += *at == '\n';
	return n;
}

void assert_whole(
	struct fixture *f, const struct image *image, const char *const *contents)
{
	int fds[IMAGE_LAYERS_MAX], lease_fd;
	size_t i;

	assert_int_equal(store_open_layers(f->store, image, fds, &lease_fd, &f->err), 0);
	for (i = 0; contents[i]; i++) {
		cleanup_free char *text = NULL;

		assert_int_equal(fd_read_file(fds[i], "content", 100, &text, NULL), 0);
		assert_string_equal(text, contents[i]);
		(void)close(fds[i]);
	}
	assert_int_equal(image->layer_count, i);
	(void)close(lease_fd);
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

const char *const two_layers[] = { "base", "app", NULL };
