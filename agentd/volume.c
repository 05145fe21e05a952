/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/volume.h"

#include "agentd/engine-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/str.h"
#include "common/timestamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define RECORD "volume.json"
#define DATA "data"
#define RECORD_MAX 65536
#define NEW_PREFIX ".new-" /* no name begins with a dot */
#define GONE_PREFIX ".gone-"
#define ROOM_FOR_NAME 64

struct record {
	char *role;
	uint64_t bytes;
	char *created;
};

static const struct json_field record_fields[] = {
	{ "role", json_string, offsetof(struct record, role), true },
	{ "bytes", json_u64, offsetof(struct record, bytes), true },
	{ "created", json_string, offsetof(struct record, created), true },
	{ 0 },
};

void volume_done(struct volume *volume)
{
	free(volume->name);
	free(volume->role);
	*volume = (struct volume){ 0 };
}

void volume_list_done(struct volume_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		volume_done(&list->items[i]);
	free(list->items);
	*list = (struct volume_list){ 0 };
}

static int open_volumes(const struct engine *engine, struct err *err)
{
	int fd = fd_mkdir_open(engine->root_dirfd, "volumes", 0700);

	return fd < 0 ? err_set(err, -fd, "open %s/volumes", engine->root_path) : fd;
}

/* The same for whoever changes which there are, or what one is: one after the other. */
static int open_locked(const struct engine *engine, struct err *err)
{
	cleanup_close int fd = open_volumes(engine, err);
	int r;

	if (fd < 0)
		return fd;
	r = fd_lock(fd, true, true);
	return r < 0 ? err_set(err, -r, "lock %s/volumes", engine->root_path)
		     : take_fd(&fd);
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int check_name(const char *name, struct err *err)
{
	return name && str_is_name(name)
		       ? 0
		       : err_say(err, EINVAL, "%.80s is no name for a volume",
				 name ? name : "\"\"");
}

/* ---- the record ---- */

static int write_record(int dirfd, const struct volume *v, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char stamp[TIMESTAMP_MAX];
	int r;

	jw_object(&w, NULL);
	jw_string(&w, "role", v->role);
	jw_u64(&w, "bytes", v->bytes);
	jw_string(&w, "created", timestamp_format(v->created, stamp));
	jw_object_end(&w);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = fd_replace_file(dirfd, RECORD, b.data, b.len, 0600, FD_SYNC);
	return r < 0 ? err_set(err, -r, "write " RECORD) : 0;
}

static int take_record(struct record *record, const char *name, struct volume *ret)
{
	*ret = (struct volume){ .name = strdup(name),
		.role = take_ptr(record->role),
		.bytes = record->bytes };
	if (timestamp_parse(record->created, &ret->created) < 0)
		ret->created = 0;
	return ret->name ? 0 : -ENOMEM;
}

static int read_record(int dirfd, const char *name, struct volume *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	struct record record = { 0 };
	size_t len;
	int r = fd_read_file(dirfd, RECORD, RECORD_MAX, &text, &len);

	if (r < 0)
		return err_set(err, -r, "read " RECORD " of volume %s", name);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), record_fields, &record, err);
	if (r == 0 && take_record(&record, name, ret) < 0)
		r = err_oom(err);
	json_release(record_fields, &record);
	return r < 0 ? err_wrap(err, "volume %s", name) : 0;
}

/* ---- one ---- */

static int find(int volumes, const char *name, const char *role, int *ret_dirfd,
	struct volume *ret, struct err *err)
{
	cleanup_close int dirfd = -1;
	int r = check_name(name, err);

	if (r < 0)
		return r;
	dirfd = open_dir(volumes, name);
	if (dirfd == -ENOENT) {
		(void)err_say(err, ENOENT, "there is no volume %s", name);
		return err_hint(err, "make it first, by CREATE_VOLUMES");
	}
	if (dirfd < 0)
		return err_set(err, -dirfd, "open volume %s", name);
	r = read_record(dirfd, name, ret, err);
	if (r < 0)
		return r;
	if (!str_eq(ret->role, "*") && !str_eq(ret->role, role ? role : "*")) {
		volume_done(ret);
		return err_say(
			err, EACCES, "volume %s is reserved to another role", name);
	}
	*ret_dirfd = take_fd(&dirfd);
	return 0;
}

static int check_room(int dirfd, uint64_t bytes, struct err *err)
{
	struct statvfs fs;
	uint64_t left;

	if (fstatvfs(dirfd, &fs) < 0)
		return err_set(err, errno, "look at the file system of the volumes");
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	return bytes <= left
		       ? 0
		       : err_say(err, ENOSPC,
				 "the file system of the volumes has %llu bytes left, not %llu",
				 (unsigned long long)left, (unsigned long long)bytes);
}

/* Under another name until it is whole. */
static int build(
	int volumes, const char *temporary, const struct volume *volume, struct err *err)
{
	cleanup_close int dirfd = fd_mkdir_open(volumes, temporary, 0700);
	int r;

	if (dirfd < 0)
		return err_set(err, -dirfd, "make a volume");
	if (mkdirat(dirfd, DATA, 0755) < 0)
		return err_set(err, errno, "make a volume");
	r = write_record(dirfd, volume, err);
	if (r < 0)
		return r;
	if (renameat2(volumes, temporary, volumes, volume->name, RENAME_NOREPLACE) < 0)
		return err_set(err, errno, "make volume %s", volume->name);
	return fsync(volumes) < 0 ? err_set(err, errno, "make volume %s", volume->name)
				  : 0;
}

int volume_create(struct engine *engine, const struct volume *volume, struct err *err)
{
	cleanup_close int volumes = open_locked(engine, err);
	char temporary[ROOM_FOR_NAME];
	int r = volumes < 0 ? volumes : check_name(volume->name, err);

	if (r == 0)
		r = check_room(volumes, volume->bytes, err);
	if (r < 0)
		return r;
	fd_random_name(NEW_PREFIX, temporary, sizeof(temporary));
	r = build(volumes, temporary, volume, err);
	if (r < 0)
		(void)!fd_remove_tree(volumes, temporary);
	return r;
}

int volume_grow(struct engine *engine, const char *name, const char *role,
	uint64_t bytes_more, struct err *err)
{
	cleanup_volume struct volume volume = { 0 };
	cleanup_close int volumes = open_locked(engine, err), dirfd = -1;
	int r = volumes < 0 ? volumes : find(volumes, name, role, &dirfd, &volume, err);

	if (r == 0)
		r = check_room(dirfd, bytes_more, err);
	if (r < 0)
		return r;
	if (bytes_more > UINT64_MAX - volume.bytes)
		return err_say(err, ERANGE, "volume %s cannot grow so much", name);
	volume.bytes += bytes_more;
	return write_record(dirfd, &volume, err);
}

static int open_data(int dirfd, const char *name, bool is_exclusive, struct err *err)
{
	cleanup_close int fd = open_dir(dirfd, DATA);
	int r;

	if (fd < 0)
		return err_set(err, -fd, "open the files of volume %s", name);
	r = fd_lock(fd, is_exclusive, false);
	if (r == -EWOULDBLOCK)
		return err_say(err, EBUSY,
			is_exclusive ? "volume %s is in use by a container"
				     : "volume %s is being destroyed",
			name);
	return r < 0 ? err_set(err, -r, "lock volume %s", name) : take_fd(&fd);
}

/* Nobody makes or removes one now: `volumes` is locked. */
static void remove_begun(int volumes)
{
	cleanup_closedir DIR *dir = NULL;
	int fd = openat(volumes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		(void)close(fd);
	while (dir && (e = readdir(dir))) {
		if (str_skip_prefix(e->d_name, NEW_PREFIX) ||
			str_skip_prefix(e->d_name, GONE_PREFIX))
			(void)!fd_remove_tree(volumes, e->d_name);
	}
}

void volume_sweep(struct engine *engine)
{
	struct err ignored;
	cleanup_close int volumes = open_volumes(engine, &ignored);

	if (volumes >= 0 && fd_lock(volumes, true, false) == 0)
		remove_begun(volumes);
}

int volume_destroy(
	struct engine *engine, const char *name, const char *role, struct err *err)
{
	cleanup_volume struct volume volume = { 0 };
	cleanup_close int volumes = open_locked(engine, err), dirfd = -1, data = -1;
	char gone[ROOM_FOR_NAME];
	int r = volumes < 0 ? volumes : find(volumes, name, role, &dirfd, &volume, err);

	if (r < 0)
		return r;
	data = open_data(dirfd, name, true, err);
	if (data < 0)
		return data;
	fd_random_name(GONE_PREFIX, gone, sizeof(gone));
	if (renameat(volumes, name, volumes, gone) < 0 || fsync(volumes) < 0)
		return err_set(err, errno, "destroy volume %s", name);
	r = fd_remove_tree(volumes, gone);
	return r < 0 ? err_set(err, -r, "remove the files of volume %s", name) : 0;
}

int volume_open(
	struct engine *engine, const char *name, const char *role, struct err *err)
{
	cleanup_volume struct volume volume = { 0 };
	cleanup_close int volumes = open_volumes(engine, err), dirfd = -1;
	int r = volumes < 0 ? volumes : find(volumes, name, role, &dirfd, &volume, err);

	return r < 0 ? r : open_data(dirfd, name, false, err);
}

/* ---- all ---- */

/* It was destroyed meanwhile, or somebody else put it there. */
static bool is_no_volume(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static int add(int volumes, const char *name, struct volume_list *list, struct err *err)
{
	struct volume *items =
		reallocarray(list->items, list->count + 1, sizeof(*list->items));
	cleanup_close int dirfd = open_dir(volumes, name);
	int r;

	if (!items)
		return err_oom(err);
	list->items = items;
	if (is_no_volume(dirfd))
		return 0;
	if (dirfd < 0)
		return err_set(err, -dirfd, "open volume %s", name);
	r = read_record(dirfd, name, &items[list->count], err);
	if (is_no_volume(r))
		return 0;
	if (r == 0)
		list->count++;
	return r;
}

int volume_list(struct engine *engine, struct volume_list *ret, struct err *err)
{
	cleanup_volume_list struct volume_list list = { 0 };
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd = open_volumes(engine, err), r = fd < 0 ? fd : 0;

	if (r < 0)
		return r;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return err_set(err, errno, "read the directory of volumes");
	}
	while (r == 0 && (e = readdir(dir))) {
		if (str_is_name(e->d_name))
			r = add(dirfd(dir), e->d_name, &list, err);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = (struct volume_list){ 0 };
	return 0;
}
