/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/idmap-writer.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

/* Only where a package manager puts set-uid programs; never the caller's PATH. */
static const char *const folders[] = { "/usr/bin", "/bin", "/usr/local/bin" };

static char *find_program(const char *name)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		cleanup_free char *path = str_printf("%s/%s", folders[i], name);

		if (path && access(path, X_OK) == 0)
			return take_ptr(path);
	}
	return NULL;
}

static int add_number(strv *args, uint32_t number)
{
	return strv_take(args, str_printf("%u", number));
}

static int build_args(
	const char *program, pid_t target, const struct spec_id_maps *maps, strv *args)
{
	if (strv_add(args, program) < 0 ||
		strv_take(args, str_printf("%d", (int)target)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < maps->count; i++) {
		const struct spec_id_map *map = &maps->items[i];

		if (add_number(args, map->container_id) < 0 ||
			add_number(args, map->host_id) < 0 ||
			add_number(args, map->size) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int spawn(const char *path, strv args, int stderr_fd, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	char *const no_env[] = { NULL };
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn(ret, path, &actions, NULL, args, no_env);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int idmap_writer_start(struct idmap_writer *writer, pid_t target,
	const struct spec_id_maps *maps, struct err *err)
{
	cleanup_free char *path = find_program(writer->program);
	cleanup_strv strv args = NULL;
	cleanup_close int read_fd = -1, write_fd = -1;
	int fds[2], r;

	if (!path) {
		(void)err_say(err, ENOENT,
			"%s is not installed, which maps more than one id",
			writer->program);
		return err_hint(
			err, "install the package uidmap (apt-get install uidmap)");
	}
	if (build_args(writer->program, target, maps, &args) < 0)
		return err_oom(err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	read_fd = fds[0];
	write_fd = fds[1];
	r = spawn(path, args, write_fd, &writer->pid);
	if (r < 0)
		return err_set(err, -r, "execute %s", path);
	writer->stderr_fd = take_fd(&read_fd);
	return 0;
}

/* Everything up to the end, so that the program never blocks; the first line is kept. */
static void read_line(int fd, char *ret, size_t room)
{
	char chunk[256], text[256];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		for (ssize_t i = 0; i < n && used + 1 < sizeof(text); i++)
			text[used++] = chunk[i];
	}
	text[used] = '\0';
	text[strcspn(text, "\n")] = '\0';
	str_printable(text, ret, room);
}

int idmap_writer_finish(struct idmap_writer *writer, struct err *err)
{
	cleanup_close int fd = take_fd(&writer->stderr_fd);
	char said[256];
	int status;

	if (!writer->pid)
		return 0;
	read_line(fd, said, sizeof(said));
	while (waitpid(writer->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(err, errno, "wait for %s", writer->program);
	}
	writer->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	(void)err_say(err, EPERM, "%s refused the id map: %s", writer->program,
		*said ? said : "it said nothing");
	return err_hint(err,
		"the ranges must be the user's in /etc/subuid and /etc/subgid "
		"(usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)");
}
