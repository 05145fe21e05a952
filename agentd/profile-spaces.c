/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address spaces of sampled processes. What is mapped where comes from the events, and once for
 * each process from /proc/PID/maps, since it was there before them; the files are looked up below the
 * process's own root, so that no name in them means a file of the host. A process that has ended
 * before its file was read gets the names of another's file at the same path.
 */
#include "agentd/profile-private.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/elf.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAPS_MAX 4096	      /* executable ones of a process; then the oldest go */
#define MAPS_TEXT_MAX 8388608 /* of /proc/PID/maps */
#define FILES_MAX 4096
#define SYMBOLS_MAX 536870912 /* bytes read of all files */
#define SPACES_MAX 65536
#define NAME_ROOM 256

struct file {
	dev_t dev;
	ino_t ino;
	char *path;
	struct elf_symbols *symbols; /* NULL: it has none */
};

struct map {
	uint64_t start, end, offset;
	char *path; /* NULL: memory of no file */
	const struct file *file;
	bool is_looked_up;
};

struct space {
	pid_t pid;
	char name[NAME_ROOM];
	struct map *maps; /* the newest is last, and hides what was there before */
	size_t count, room;
	bool is_read;
};

struct profile_spaces {
	void *tree; /* of struct space, by pid */
	size_t space_count;
	struct file **files;
	size_t file_count, file_room;
	uint64_t budget;
	char name[NAME_ROOM];
};

static void drop_maps(struct space *space)
{
	for (size_t i = 0; i < space->count; i++)
		free(space->maps[i].path);
	space->count = 0;
}

static void free_space(void *p)
{
	struct space *space = p;

	drop_maps(space);
	free(space->maps);
	free(space);
}

int profile_spaces_new(struct profile_spaces **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->budget = SYMBOLS_MAX;
	return 0;
}

void profile_spaces_free(struct profile_spaces *spaces)
{
	if (!spaces)
		return;
	tdestroy(spaces->tree, free_space);
	for (size_t i = 0; i < spaces->file_count; i++) {
		elf_symbols_free(spaces->files[i]->symbols);
		free(spaces->files[i]->path);
		free(spaces->files[i]);
	}
	free(spaces->files);
	free(spaces);
}

/* ---- processes ---- */

static int compare_pids(const void *a, const void *b)
{
	const struct space *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* What a terminal and a line of a folded stack can take. */
static void set_name(const char *text, char ret[NAME_ROOM])
{
	str_printable(text, ret, NAME_ROOM);
	for (char *c = ret; *c; c++) {
		if (*c == ';')
			*c = '_';
	}
	if (!*ret)
		(void)snprintf(ret, NAME_ROOM, PROFILE_UNKNOWN);
}

static void read_name(struct space *space)
{
	char path[64], text[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)space->pid);
	if (fd_read_kernel_file(AT_FDCWD, path, text, sizeof(text)) < 0)
		(void)snprintf(text, sizeof(text), PROFILE_UNKNOWN);
	text[strcspn(text, "\n")] = '\0';
	set_name(text, space->name);
}

/* NULL: out of memory, or too many. */
static struct space *find_space(struct profile_spaces *spaces, pid_t pid)
{
	const struct space wanted = { .pid = pid };
	void *found = tfind(&wanted, &spaces->tree, compare_pids);
	struct space *space;

	if (found)
		return *(struct space **)found;
	if (spaces->space_count >= SPACES_MAX)
		return NULL;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	space->pid = pid;
	read_name(space);
	if (!tsearch(space, &spaces->tree, compare_pids)) {
		free(space);
		return NULL;
	}
	spaces->space_count++;
	return space;
}

static void drop_oldest(struct space *space)
{
	size_t half = space->count / 2;

	for (size_t i = 0; i < half; i++)
		free(space->maps[i].path);
	memmove(space->maps, space->maps + half,
		(space->count - half) * sizeof(*space->maps));
	space->count -= half;
}

static void add_map(struct space *space, uint64_t start, uint64_t len, uint64_t offset,
	const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (space->count >= MAPS_MAX)
		drop_oldest(space);
	if ((path && !copy) || array_grow(&space->maps, space->count, &space->room,
				       sizeof(*space->maps)) < 0) {
		free(copy);
		return;
	}
	space->maps[space->count++] =
		(struct map){ start, start + len, offset, copy, NULL, false };
}

/* "start-end r-xp offset dev inode   path" */
static void add_line(struct space *space, const char *line)
{
	uint64_t start, end, offset;
	char protection[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &start,
		    &end, protection, &offset, &path) == 4 &&
		protection[2] == 'x' && end > start)
		add_map(space, start, end - start, offset,
			path && line[path] ? line + path : NULL);
}

/* Before what the events told, which is newer. */
static void read_maps(struct space *space)
{
	struct space before = { .pid = space->pid };
	cleanup_free char *text = NULL;
	char path[64];
	size_t len;

	space->is_read = true;
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)space->pid);
	if (fd_read_file(AT_FDCWD, path, MAPS_TEXT_MAX, &text, &len) < 0)
		return;
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		add_line(&before, line);
	}
	for (size_t i = 0; i < space->count; i++) {
		const struct map *map = &space->maps[i];

		add_map(&before, map->start, map->end - map->start, map->offset,
			map->path);
	}
	drop_maps(space);
	free(space->maps);
	space->maps = before.maps;
	space->count = before.count;
	space->room = before.room;
}

void profile_spaces_map(struct profile_spaces *spaces, pid_t pid, uint64_t start,
	uint64_t len, uint64_t offset, const char *path)
{
	struct space *space = find_space(spaces, pid);

	if (space)
		add_map(space, start, len, offset, path);
}

void profile_spaces_name(
	struct profile_spaces *spaces, pid_t pid, const char *name, bool is_exec)
{
	struct space *space = find_space(spaces, pid);

	if (!space)
		return;
	set_name(name, space->name);
	if (is_exec) {
		drop_maps(space); /* the events tell of the new ones */
		space->is_read = true;
	}
}

void profile_spaces_fork(struct profile_spaces *spaces, pid_t pid, pid_t parent)
{
	struct space *from = find_space(spaces, parent), *to = find_space(spaces, pid);

	if (!from || !to)
		return;
	if (!from->is_read)
		read_maps(from);
	drop_maps(to);
	for (size_t i = 0; i < from->count; i++)
		add_map(to, from->maps[i].start, from->maps[i].end - from->maps[i].start,
			from->maps[i].offset, from->maps[i].path);
	memcpy(to->name, from->name, sizeof(to->name));
	to->is_read = true;
}

const char *profile_spaces_process(struct profile_spaces *spaces, pid_t pid)
{
	const struct space *space = find_space(spaces, pid);

	return space ? space->name : PROFILE_UNKNOWN;
}

/* ---- files ---- */

/* Nothing that blocks, and nothing above the process's root. */
static int open_file(pid_t pid, const char *path, struct stat *st)
{
	cleanup_close int root_fd = -1, fd = -1;
	char root[64];

	(void)snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		return -errno;
	return S_ISREG(st->st_mode) ? take_fd(&fd) : -EINVAL;
}

static const struct file *find_file(
	const struct profile_spaces *spaces, const struct stat *st, const char *path)
{
	for (size_t i = 0; i < spaces->file_count; i++) {
		const struct file *file = spaces->files[i];

		if (st ? file->dev == st->st_dev && file->ino == st->st_ino
		       : str_eq(file->path, path))
			return file;
	}
	return NULL;
}

static const struct file *add_file(
	struct profile_spaces *spaces, int fd, const struct stat *st, const char *path)
{
	struct file *file;

	if (spaces->file_count >= FILES_MAX ||
		array_grow(&spaces->files, spaces->file_count, &spaces->file_room,
			sizeof(*spaces->files)) < 0)
		return NULL;
	file = calloc(1, sizeof(*file));
	if (!file || str_set(&file->path, path) < 0) {
		free(file);
		return NULL;
	}
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	if (elf_symbols_read(fd, &spaces->budget, &file->symbols) < 0)
		file->symbols = NULL;
	spaces->files[spaces->file_count++] = file;
	return file;
}

static const struct file *look_up(
	struct profile_spaces *spaces, pid_t pid, const char *path)
{
	const struct file *file;
	struct stat st;
	cleanup_close int fd = open_file(pid, path, &st);

	file = find_file(spaces, fd >= 0 ? &st : NULL, path);
	return file || fd < 0 ? file : add_file(spaces, fd, &st, path);
}

static struct map *find_map(struct space *space, uint64_t address)
{
	for (size_t i = space->count; i > 0; i--) {
		struct map *map = &space->maps[i - 1];

		if (address >= map->start && address < map->end)
			return map;
	}
	return NULL;
}

const char *profile_spaces_symbol(
	struct profile_spaces *spaces, pid_t pid, uint64_t address)
{
	struct space *space = find_space(spaces, pid);
	const char *name = NULL;
	struct map *map;

	if (!space)
		return PROFILE_UNKNOWN;
	if (!space->is_read)
		read_maps(space);
	map = find_map(space, address);
	if (!map || !map->path)
		return PROFILE_UNKNOWN;
	if (*map->path == '[') { /* "[vdso]" */
		set_name(map->path, spaces->name);
		return spaces->name;
	}
	if (!map->is_looked_up)
		map->file = look_up(spaces, pid, map->path);
	map->is_looked_up = true;
	if (map->file && map->file->symbols)
		name = elf_symbols_find(
			map->file->symbols, address - map->start + map->offset);
	if (!name)
		return PROFILE_UNKNOWN;
	set_name(name, spaces->name);
	return spaces->name;
}
