/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-exec.h"

#include "agentd/attach.h"
#include "agentd/container-asked.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"
#include "runtime/attach-proto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define DIRECTORY "exec"
#define EXIT "exit"
#define EXIT_BYTES_MAX 4096
#define FORGET_AFTER_S 300
#define RECENT_MAX 1024

void container_exec_done(struct container_exec *exec)
{
	agent_call_done(&exec->asked);
	if (exec->dirfd >= 0)
		(void)close(exec->dirfd);
	exec->dirfd = -1;
}

static bool is_id(const struct container *container, const char *id)
{
	return strlen(id) == CONTAINER_EXEC_ID_MAX - 1 &&
	       id[strspn(id, "0123456789abcdef")] == '\0' &&
	       strncmp(id, container->id, CONTAINER_EXEC_PREFIX) == 0;
}

static void make_id(const struct container *container, char ret[CONTAINER_EXEC_ID_MAX])
{
	unsigned char random[(CONTAINER_EXEC_ID_MAX - 1 - CONTAINER_EXEC_PREFIX) / 2];

	while (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		;
	(void)snprintf(
		ret, CONTAINER_EXEC_ID_MAX, "%.*s", CONTAINER_EXEC_PREFIX, container->id);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(ret + CONTAINER_EXEC_PREFIX + 2 * i, 3, "%02x", random[i]);
}

/* It has ended long ago, or was never started. */
static bool is_old(int dirfd, const char *id)
{
	static const char *const last_words[] = { EXIT, CONTAINER_ASKED_NEW };
	struct stat st;

	for (size_t i = 0; i < sizeof(last_words) / sizeof(last_words[0]); i++) {
		cleanup_free char *path = str_printf("%s/%s", id, last_words[i]);

		if (path && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			time(NULL) - st.st_mtime > FORGET_AFTER_S)
			return true;
	}
	return false;
}

/* Forgets the old; how many stay. */
static unsigned int count_recent(int dirfd)
{
	unsigned int count = 0;

	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		if (!is_old(dirfd, e->d_name) || fd_remove_tree(dirfd, e->d_name) < 0)
			count++;
	}
	return count;
}

int container_exec_make(const struct container *container, const struct agent_call *call,
	char ret_id[CONTAINER_EXEC_ID_MAX], struct err *err)
{
	cleanup_close int dirfd = fd_mkdir_open(container->dirfd, DIRECTORY, 0700);
	cleanup_close int fd = -1;

	if (dirfd < 0)
		return err_set(err, -dirfd, "make " DIRECTORY "/");
	if (count_recent(dirfd) >= RECENT_MAX) {
		(void)err_say(err, EBUSY,
			"container %.*s has %d further processes already that run, or that "
			"ended or were made within %d minutes",
			CONTAINER_SHORT_ID, container->id, RECENT_MAX,
			FORGET_AFTER_S / 60);
		return err_hint(err, "end some, or wait");
	}
	make_id(container, ret_id);
	fd = fd_mkdir_open(dirfd, ret_id, 0700);
	if (fd < 0)
		return err_set(err, -fd, "make " DIRECTORY "/%s", ret_id);
	return container_asked_write(fd, call, err);
}

/* ---- how it is ---- */

static const struct json_field exit_fields[] = {
	{ "exit_status", json_i32, 0, true },
	{ 0 },
};

static void read_exit(struct container_exec *exec)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	int32_t status;
	size_t len;

	if (fd_read_file(exec->dirfd, EXIT, EXIT_BYTES_MAX, &text, &len) == 0 &&
		json_parse(text, len, &doc, NULL) == 0 &&
		json_decode(json_root(doc), exit_fields, &status, NULL) == 0)
		exec->exit_status = status;
}

/* Its shim listens as long as it runs, and has written how it ended before it goes. */
static void look(struct container_exec *exec)
{
	struct err ignored;
	int fd;

	exec->is_started = !container_asked_is_new(exec->dirfd);
	if (!exec->is_started)
		return;
	read_exit(exec);
	if (exec->exit_status >= 0)
		return;
	fd = attach_connect(exec->dirfd, &ignored);
	exec->is_running = fd >= 0;
	if (fd >= 0) {
		(void)!attach_send(fd, ATTACH_DETACH, NULL, 0);
		(void)close(fd);
	} else {
		read_exit(exec);
	}
}

int container_exec_load(const struct container *container, const char *id,
	struct container_exec *ret, struct err *err)
{
	cleanup_container_exec struct container_exec exec = CONTAINER_EXEC_INIT;
	cleanup_free char *path = str_printf(DIRECTORY "/%s", id);
	int r;

	if (!path)
		return err_oom(err);
	if (is_id(container, id))
		exec.dirfd = openat(container->dirfd, path,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (exec.dirfd < 0)
		return err_say(err, ENOENT, "No such exec instance: %.80s", id);
	r = container_asked_read(exec.dirfd, &exec.asked, err);
	if (r < 0)
		return r == -ENOENT
			       ? err_say(err, ENOENT, "No such exec instance: %.80s", id)
			       : r;
	(void)snprintf(exec.id, sizeof(exec.id), "%s", id);
	look(&exec);
	*ret = exec;
	exec = (struct container_exec)CONTAINER_EXEC_INIT;
	return 0;
}

int container_exec_begin(struct container_exec *exec, struct err *err)
{
	int r = container_asked_start(exec->dirfd);

	if (r == -ENOENT)
		return err_say(err, EEXIST, "exec instance %.12s was started already",
			exec->id + CONTAINER_EXEC_PREFIX);
	return r < 0 ? err_set(err, -r, "start exec instance") : 0;
}

void container_exec_fail(struct container_exec *exec, int exit_status)
{
	char stamp[TIMESTAMP_MAX], text[160];
	int len = snprintf(text, sizeof(text),
		"{\"exit_status\":%d,\"signal\":0,\"finished\":\"%s\"}\n", exit_status,
		timestamp_format(timestamp_now(), stamp));

	(void)!fd_replace_file(exec->dirfd, EXIT, text, (size_t)len, 0600, FD_NO_SYNC);
}
