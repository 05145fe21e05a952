/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a container's sandbox, by the path "NAME/PATH". All of it was written by a task: a path
 * is resolved beneath the sandbox, links are not followed, and what is no regular file is not opened.
 * "NAME/stdout" and "NAME/stderr" are what the log has of the two, as Mesos shows them.
 */
#include "agentd/agent-streams.h"

#include "agentd/log.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define READ_MAX (1U << 20) /* bytes of one answer */
#define ENTRIES_MAX 20000

struct place {
	struct container *container;
	char *name, *path; /* the container's; in its sandbox, "." for the whole */
	int stream;	   /* STDOUT_FILENO, STDERR_FILENO; 0: of the sandbox */
	int fd;
	struct stat st;
};
#define PLACE                                                                            \
	{                                                                                \
		.fd = -1                                                                 \
	}
#define cleanup_place cleanup_with(place_done)

static void place_done(struct place *place)
{
	container_free(place->container);
	free(place->name);
	free(place->path);
	if (place->fd >= 0)
		(void)close(place->fd);
}

/* ---- the log ---- */

/* Of one stream, as the task wrote it. As large as the log may be, which is bounded. */
static int copy_stream(const struct place *place, int fd, struct err *err)
{
	const struct log_options options = { .tail = -1 };
	struct log_reader *reader;
	struct log_line line;
	int r = log_open(place->container->dirfd, &options, &reader, err);

	if (r < 0)
		return r;
	while ((r = log_next(reader, &line, err)) > 0) {
		if (line.stream != place->stream)
			continue;
		r = fd_write_all(fd, line.text, line.len);
		if (r == 0 && !line.is_partial)
			r = fd_write_all(fd, "\n", 1);
		if (r < 0) {
			(void)err_set(err, -r, "copy the log");
			break;
		}
	}
	log_free(reader);
	return r;
}

static int open_stream(struct place *place, struct err *err)
{
	place->fd = memfd_create("log", MFD_CLOEXEC);
	if (place->fd < 0)
		return err_set(err, errno, "make a file in memory");
	return copy_stream(place, place->fd, err);
}

/* ---- the sandbox ---- */

static int say_path(struct err *err, int r, const struct place *place)
{
	if (r == -EXDEV || r == -ELOOP)
		return err_say(err, EACCES,
			"path %s: it leads out of the sandbox, or over a link",
			place->path);
	if (r == -ENOTDIR)
		r = -ENOENT;
	return err_set(err, -r, "path %s in the sandbox of %s", place->path, place->name);
}

/* Looked at before it is opened: opening alone does something to a device, or waits for a pipe. */
static int open_in_sandbox(struct place *place, struct err *err)
{
	cleanup_close int sandbox_fd = -1, found_fd = -1;
	char path[PATH_OF_FD_MAX];
	bool is_directory;

	sandbox_fd = path_open_beneath(place->container->dirfd, SANDBOX_DIRECTORY,
		O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (sandbox_fd == -ENOENT)
		return err_say(err, ENOENT, "%s has no sandbox", place->name);
	if (sandbox_fd < 0)
		return err_set(err, -sandbox_fd, "open the sandbox of %s", place->name);
	found_fd = path_open_beneath(sandbox_fd, place->path, O_PATH, 0);
	if (found_fd < 0)
		return say_path(err, found_fd, place);
	if (fstat(found_fd, &place->st) < 0)
		return say_path(err, -errno, place);
	is_directory = S_ISDIR(place->st.st_mode);
	if (!is_directory && !S_ISREG(place->st.st_mode))
		return err_say(err, EINVAL,
			"path %s: neither a regular file nor a directory", place->path);
	place->fd = open(path_of_fd(found_fd, path),
		O_RDONLY | O_CLOEXEC | (is_directory ? O_DIRECTORY : O_NONBLOCK));
	return place->fd < 0 ? say_path(err, -errno, place) : 0;
}

/* ---- by its name ---- */

static int split_path(const char *text, struct place *place)
{
	const char *slash;

	text += strspn(text, "/");
	slash = strchr(text, '/');
	place->name = slash ? strndup(text, (size_t)(slash - text)) : strdup(text);
	if (slash)
		slash += strspn(slash, "/");
	place->path = strdup(slash && *slash ? slash : ".");
	return place->name && place->path ? 0 : -ENOMEM;
}

static int find_place(struct agent *agent, const struct agent_call *call,
	struct place *place, struct err *err)
{
	int r = split_path(call->file.path, place);

	if (r < 0)
		return err_oom(err);
	if (!str_is_name(place->name))
		return err_say(
			err, EINVAL, "path: want a container's name at its beginning");
	r = agent_find(agent, call, place->name, &place->container, err);
	if (r < 0)
		return r;
	if (str_eq(place->path, "stdout"))
		place->stream = STDOUT_FILENO;
	else if (str_eq(place->path, "stderr"))
		place->stream = STDERR_FILENO;
	r = place->stream ? open_stream(place, err) : open_in_sandbox(place, err);
	if (r == 0 && fstat(place->fd, &place->st) < 0)
		r = say_path(err, -errno, place);
	return r;
}

static int find_file(struct agent *agent, const struct agent_call *call,
	struct place *place, struct err *err)
{
	int r = find_place(agent, call, place, err);

	if (r == 0 && S_ISDIR(place->st.st_mode))
		return err_say(err, EINVAL, "path %s: it is a directory", place->path);
	return r;
}

/* ---- LIST_FILES ---- */

static void put_mode(struct json_writer *w, mode_t mode)
{
	static const char letters[] = "rwxrwxrwx";
	char text[11] = "----------";

	text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : '-';
	for (int i = 0; i < 9; i++) {
		if (mode & (0400U >> i))
			text[i + 1] = letters[i];
	}
	jw_string(w, "mode", text);
}

static void put_id(struct json_writer *w, const char *key, uint32_t id)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", id);
	jw_string(w, key, text);
}

/* The older form (GET /files/browse) counts seconds and shows the mode as ls does. */
static void put_file(const struct agent_call *call, struct json_writer *w,
	const char *parent, const char *name, const struct stat *st)
{
	cleanup_free char *path = str_printf("%s/%s", parent, name);

	jw_object(w, NULL);
	jw_string(w, "path", path ? path : name);
	jw_u64(w, "nlink", st->st_nlink);
	jw_u64(w, "size", (uint64_t)st->st_size);
	if (call->file.is_list) {
		jw_i64(w, "mtime", st->st_mtim.tv_sec);
		put_mode(w, st->st_mode);
	} else {
		jw_object(w, "mtime");
		jw_i64(w, "nanoseconds",
			st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec);
		jw_object_end(w);
		jw_u64(w, "mode", st->st_mode);
	}
	put_id(w, "uid", st->st_uid);
	put_id(w, "gid", st->st_gid);
	jw_object_end(w);
}

/* The sizes of these are not known without reading the log. */
static void put_streams(const struct agent_call *call, struct json_writer *w,
	const char *parent, const struct place *place)
{
	struct stat st;

	if (fstatat(place->container->dirfd, "log", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	put_file(call, w, parent, "stderr", &st);
	put_file(call, w, parent, "stdout", &st);
}

static int put_entries(const struct agent_call *call, struct json_writer *w,
	struct place *place, struct err *err)
{
	cleanup_free char *parent = NULL;
	size_t count = 0, len;
	struct dirent *entry;
	struct stat st;
	DIR *dir = fdopendir(place->fd);

	if (!dir)
		return err_set(err, errno, "list %s", place->path);
	place->fd = -1;
	parent = strdup(call->file.path);
	len = parent ? strlen(parent) : 0;
	while (len > 1 && parent[len - 1] == '/')
		parent[--len] = '\0';
	if (parent && str_eq(place->path, "."))
		put_streams(call, w, parent, place);
	while (parent && (entry = readdir(dir)) && count++ < ENTRIES_MAX) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			put_file(call, w, parent, entry->d_name, &st);
	}
	(void)closedir(dir);
	return parent ? 0 : err_oom(err);
}

int agent_list_files(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_place struct place place = PLACE;
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = find_place(agent, call, &place, err);

	if (r < 0)
		return r;
	if (!S_ISDIR(place.st.st_mode))
		return err_say(err, EINVAL, "path %s: it is no directory", place.path);
	if (!call->file.is_list) {
		jw_object(&w, NULL);
		jw_string(&w, "type", "LIST_FILES");
		jw_object(&w, "list_files");
	}
	jw_array(&w, call->file.is_list ? NULL : "file_infos");
	r = put_entries(call, &w, &place, err);
	jw_array_end(&w);
	if (!call->file.is_list) {
		jw_object_end(&w);
		jw_object_end(&w);
	}
	return r;
}

/* ---- READ_FILE, download ---- */

int agent_read_file(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_place struct place place = PLACE;
	cleanup_free char *data = NULL, *text = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	size_t len = READ_MAX;
	ssize_t n = 0;
	int r = find_file(agent, call, &place, err);

	if (r < 0)
		return r;
	if (call->file.length && call->file.length < len)
		len = call->file.length;
	data = malloc(len);
	text = malloc(BASE64_ENCODE_RAW_LENGTH(len) + 1);
	if (!data || !text)
		return err_oom(err);
	if (call->file.offset < (uint64_t)place.st.st_size)
		n = pread(place.fd, data, len, (off_t)call->file.offset);
	if (n < 0)
		return say_path(err, -errno, &place);
	base64_encode_raw(text, (size_t)n, (const uint8_t *)data);
	jw_object(&w, NULL);
	jw_string(&w, "type", "READ_FILE");
	jw_object(&w, "read_file");
	jw_string_len(&w, "data", text, BASE64_ENCODE_RAW_LENGTH((size_t)n));
	jw_u64(&w, "size", (uint64_t)place.st.st_size);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

int agent_download(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_place struct place place = PLACE;
	int r = find_file(agent, call, &place, err);

	if (r < 0)
		return r;
	answer->flow = AGENT_FLOW_FILE;
	answer->fd = take_fd(&place.fd);
	answer->type = "application/octet-stream";
	return 0;
}
