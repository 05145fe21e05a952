/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-durable.h"

#include "common/fd.h"
#include "images/store-steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define NO_BOOT "none"
#define NICE_MAX 19

const char *store_this_boot(struct store *store)
{
	char *id = store->boot_id;

	if (!*id && fd_read_kernel_file(
			    AT_FDCWD, BOOT_ID_FILE, id, sizeof(store->boot_id)) < 0)
		*id = '\0';
	id[strcspn(id, "\n")] = '\0';
	return id;
}

enum layer_state store_layer_state(struct store *store, const char *hex)
{
	char path[STORE_PATH_MAX], boot[sizeof(store->boot_id)];
	ssize_t n;

	n = readlinkat(store->dirfd, store_path(path, "layers", hex, "/boot"), boot,
		sizeof(boot) - 1);
	if (n < 0)
		return errno == ENOENT ? LAYER_DURABLE : LAYER_LOST;
	boot[n] = '\0';
	return str_eq(boot, store_this_boot(store)) ? LAYER_CACHED : LAYER_LOST;
}

/* Flushed by itself: the layer never comes to its place without the mark. */
int store_mark_cached(struct store *store, int dirfd, const char *name, struct err *err)
{
	cleanup_close int fd = -1;

	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || symlinkat(store_this_boot(store), fd, "boot") < 0 || fsync(fd) < 0)
		return err_set(err, errno, "note under which boot a layer was made");
	return 0;
}

static int open_layers(struct store *store)
{
	return openat(
		store->dirfd, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int store_lock_layers(struct store *store, int *ret_fd, struct err *err)
{
	cleanup_close int fd = open_layers(store);
	int r = fd < 0 ? -errno : fd_lock(fd, true, true);

	if (r < 0)
		return err_set(err, -r, "lock layers of the image store");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int note_cached(struct store *store, const char *name, void *arg, struct err *err)
{
	if (strlen(name) >= STORE_NAME_MAX ||
		store_layer_state(store, name) != LAYER_CACHED)
		return 0;
	return strv_add(arg, name) < 0 ? err_oom(err) : 0;
}

static int open_layer(struct store *store, const char *hex)
{
	char path[STORE_PATH_MAX];

	return openat(store->dirfd, store_path(path, "layers", hex, ""),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int mark_durable(struct store *store, const char *hex)
{
	cleanup_close int fd = open_layer(store, hex);
	int r = fd < 0 ? -errno : store_step(STEP_LAYER_DURABLE);

	if (r == 0 && (unlinkat(fd, "boot", 0) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

/* The kernel tells only once that the disk did not take something: what it may be part of
 * is given up. By a rename: at no moment there is no mark. */
static void mark_lost(struct store *store, const char *hex)
{
	cleanup_close int fd = open_layer(store, hex);

	if (fd < 0)
		return;
	(void)unlinkat(fd, "boot.new", 0);
	if (symlinkat(NO_BOOT, fd, "boot.new") == 0)
		(void)renameat(fd, "boot.new", fd, "boot");
}

/* What was in place before the flush is on the disk after it. */
static int flush(struct store *store, int layers_fd)
{
	cleanup_strv strv cached = NULL;
	int r;

	r = store_each(store, "layers", note_cached, &cached, NULL);
	if (r < 0 || !cached)
		return r;
	r = store_step(STEP_LAYERS_FLUSH);
	if (r == 0 && syncfs(layers_fd) < 0)
		r = -errno;
	if (r < 0) {
		strv_each (hex, cached)
			mark_lost(store, *hex);
		return r;
	}
	strv_each (hex, cached) {
		r = mark_durable(store, *hex);
		if (r < 0)
			return r;
	}
	return 0;
}

static void close_all_but(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b);
	unsigned int high = (unsigned int)(a < b ? b : a);

	if (low > 0)
		(void)close_range(0, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0U, 0);
}

/* A daemon for one flush, which init reaps. It must hold none of the caller's locks and
 * pipes by the time the caller goes on. */
__attribute__((noreturn)) static void flush_detached(struct store *store, int layers_fd)
{
	sigset_t none;

	close_all_but(store->dirfd, layers_fd);
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!chdir("/");
	(void)prctl(PR_SET_NAME, "ucr-flush");
	(void)setpriority(PRIO_PROCESS, 0, NICE_MAX);
	if (fd_lock(layers_fd, true, true) == 0)
		(void)!flush(store, layers_fd);
	_exit(0);
}

void store_flush_later(struct store *store, bool has_new)
{
	cleanup_strv strv cached = NULL;
	cleanup_close int fd = -1;
	pid_t pid;

	if (store_each(store, "layers", note_cached, &cached, NULL) < 0 || !cached)
		return;
	fd = openat(
		store->dirfd, "layers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Who flushes right now may have begun before the new layers were there. */
	if (fd < 0 || (fd_lock(fd, true, false) < 0 && !has_new))
		return;
	pid = fork();
	if (pid == 0)
		flush_detached(store, fd);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
