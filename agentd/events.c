/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/events.h"

#include "agentd/engine-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "common/json.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define LINE_MAX_BYTES 65536
#define TAIL_BYTES 4096 /* in which the last line usually is */
#define TAIL_BYTES_MAX (2 * LINE_MAX_BYTES)
#define READ_BYTES 16384
#define NS_PER_MS 1000000LL

/* ---- writing -------------------------------------------------------------------------
 */

static int open_for_append(const struct engine *engine)
{
	return openat(engine->root_dirfd, "events",
		O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* The number of the last line in `text` that has one; 0: there is none. */
static uint64_t last_number(char *text)
{
	uint64_t seq = 0;

	for (;;) {
		char *newline = strrchr(text, '\n');
		const char *digits =
			str_skip_prefix(newline ? newline + 1 : text, "{\"seq\":");

		if (digits)
			seq = strtoull(digits, NULL, 10);
		if (seq || !newline)
			return seq;
		*newline = '\0';
	}
}

/* What ends the file; a line that was torn by a power cut is not continued. */
static uint64_t read_tail(int fd, off_t size, off_t len, bool *ret_is_torn)
{
	cleanup_free char *text = malloc((size_t)len + 1);
	ssize_t n;

	if (!text)
		return 0;
	n = pread(fd, text, (size_t)len, size > len ? size - len : 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	*ret_is_torn = text[n - 1] != '\n';
	return last_number(text);
}

static uint64_t read_number(int fd, bool *ret_is_torn)
{
	struct stat st;
	uint64_t seq;

	*ret_is_torn = false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	seq = read_tail(fd, st.st_size, TAIL_BYTES, ret_is_torn);
	if (!seq && st.st_size > TAIL_BYTES)
		seq = read_tail(fd, st.st_size, TAIL_BYTES_MAX, ret_is_torn);
	return seq;
}

static uint64_t next_number(const struct engine *engine, bool *ret_is_torn)
{
	cleanup_close int old_fd = -1;
	uint64_t seq = read_number(engine->events_fd, ret_is_torn);
	bool ignored;

	if (!seq) {
		old_fd = openat(engine->root_dirfd, "events.1",
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		seq = read_number(old_fd, &ignored);
	}
	return seq + 1;
}

/* The file that has the name now, locked. */
static int lock_file(struct engine *engine)
{
	struct stat open_st, name_st;

	for (int tries = 0; tries < 100; tries++) {
		if (engine->events_fd < 0)
			engine->events_fd = open_for_append(engine);
		if (engine->events_fd < 0 || fd_lock(engine->events_fd, true, true) < 0 ||
			fstat(engine->events_fd, &open_st) < 0)
			return -errno;
		if (fstatat(engine->root_dirfd, "events", &name_st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
			name_st.st_ino == open_st.st_ino) {
			if (open_st.st_size < EVENTS_SIZE_MAX)
				return 0;
			(void)renameat(engine->root_dirfd, "events", engine->root_dirfd,
				"events.1");
		}
		(void)close(take_fd(&engine->events_fd));
	}
	return -EAGAIN;
}

void event_write(struct json_writer *w, const struct event *event)
{
	char stamp[TIMESTAMP_MAX];

	jw_object(w, NULL);
	if (event->seq)
		jw_u64(w, "seq", event->seq);
	jw_string(w, "time",
		timestamp_format(event->time ? event->time : timestamp_now(), stamp));
	jw_string(w, "type", event->type);
	if (event->id)
		jw_string(w, "id", event->id);
	if (event->name)
		jw_string(w, "name", event->name);
	if (event->image)
		jw_string(w, "image", event->image);
	if (event->attributes)
		jw_string_map(w, "attributes", event->attributes);
	jw_object_end(w);
}

void events_append(struct engine *engine, const struct event *event)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct event numbered = *event;
	bool is_torn;

	if (lock_file(engine) < 0)
		return;
	numbered.seq = next_number(engine, &is_torn);
	if (is_torn)
		buf_putc(&b, '\n');
	event_write(&w, &numbered);
	buf_putc(&b, '\n');
	if (buf_finish(&b) == 0)
		(void)!write(engine->events_fd, b.data, b.len);
	(void)flock(engine->events_fd, LOCK_UN);
}

/* ---- reading -------------------------------------------------------------------------
 */

struct line_event {
	uint64_t seq;
	char *time, *type, *id, *name, *image;
	strv attributes;
};

static const struct json_field event_fields[] = {
	{ "seq", json_u64, offsetof(struct line_event, seq), false, NULL },
	{ "time", json_string, offsetof(struct line_event, time), true, NULL },
	{ "type", json_string, offsetof(struct line_event, type), true, NULL },
	{ "id", json_string, offsetof(struct line_event, id), false, NULL },
	{ "name", json_string, offsetof(struct line_event, name), false, NULL },
	{ "image", json_string, offsetof(struct line_event, image), false, NULL },
	{ "attributes", json_string_map, offsetof(struct line_event, attributes), false,
		NULL },
	{ NULL },
};

struct reading {
	const struct events_options *options;
	events_fn fn;
	void *arg;
	int fd;
	struct buf line;
};

static int deliver(struct reading *reading, const struct line_event *parsed)
{
	struct event event = {
		.seq = parsed->seq,
		.type = parsed->type,
		.id = parsed->id,
		.name = parsed->name,
		.image = parsed->image,
		.attributes = parsed->attributes,
	};

	if (timestamp_parse(parsed->time, &event.time) < 0 ||
		event.time < reading->options->since ||
		(reading->options->after_seq && event.seq <= reading->options->after_seq))
		return 0;
	if (reading->options->until && event.time > reading->options->until)
		return 0;
	return reading->fn(&event, reading->arg);
}

static int take_line(struct reading *reading, const char *line, size_t len)
{
	cleanup_json struct json_doc *doc = NULL;
	struct line_event parsed = { 0 };
	struct err ignored;
	int r = 0;

	if (json_parse(line, len, &doc, &ignored) == 0 &&
		json_decode(json_root(doc), event_fields, &parsed, &ignored) == 0)
		r = deliver(reading, &parsed);
	free(parsed.time);
	free(parsed.type);
	free(parsed.id);
	free(parsed.name);
	free(parsed.image);
	strv_free(parsed.attributes);
	return r;
}

int event_take_line(const struct events_options *options, const char *line, size_t len,
	events_fn fn, void *arg)
{
	struct reading reading = { .options = options, .fn = fn, .arg = arg };

	return take_line(&reading, line, len);
}

static int take_lines(struct reading *reading)
{
	const char *newline;
	size_t len;
	int r = 0;

	while (r == 0 && reading->line.len &&
		(newline = memchr(reading->line.data, '\n', reading->line.len))) {
		len = (size_t)(newline - reading->line.data);
		r = take_line(reading, reading->line.data, len);
		buf_consume(&reading->line, len + 1);
	}
	if (reading->line.len > LINE_MAX_BYTES)
		buf_reset(&reading->line);
	return r;
}

/* Everything up to the present end of the open file. */
static int read_to_end(struct reading *reading)
{
	char *at;
	ssize_t n;
	int r;

	for (;;) {
		at = buf_room(&reading->line, READ_BYTES);
		if (!at)
			return -ENOMEM;
		n = read(reading->fd, at, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_add(&reading->line, (size_t)n);
		r = take_lines(reading);
		if (r != 0)
			return r;
	}
}

static int open_for_reading(
	struct reading *reading, struct engine *engine, const char *name)
{
	if (reading->fd >= 0)
		(void)close(reading->fd);
	reading->fd = openat(engine->root_dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	buf_reset(&reading->line);
	return reading->fd < 0 && errno != ENOENT ? -errno : 0;
}

static bool was_rotated(const struct reading *reading, const struct engine *engine)
{
	struct stat open_st, name_st;

	if (fstatat(engine->root_dirfd, "events", &name_st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return reading->fd < 0 || fstat(reading->fd, &open_st) < 0 ||
	       open_st.st_ino != name_st.st_ino;
}

static int wait_for_more(int inotify_fd, const struct events_options *options)
{
	struct pollfd fds[2] = { { .fd = inotify_fd, .events = POLLIN },
		{ .fd = options->gone_fd > 0 ? options->gone_fd : -1 } };
	int64_t left = -1;
	char drained[4096];

	if (options->until) {
		left = (options->until - timestamp_now()) / NS_PER_MS + 1;
		if (left <= 0)
			return 0;
		if (left > 60000)
			left = 60000;
	}
	if (poll(fds, 2, (int)left) < 0)
		return -errno;
	if (fds[0].revents)
		(void)!read(inotify_fd, drained, sizeof(drained));
	return !fds[1].revents;
}

static int follow(struct reading *reading, struct engine *engine, int inotify_fd)
{
	int r;

	for (;;) {
		r = reading->fd >= 0 ? read_to_end(reading) : 0;
		if (r == 0 && was_rotated(reading, engine)) {
			r = open_for_reading(reading, engine, "events");
			if (r == 0)
				continue;
		}
		if (r != 0)
			return r;
		r = wait_for_more(inotify_fd, reading->options);
		if (r <= 0)
			return r;
	}
}

/* The watch is on the directory: `events` may not exist yet, and is replaced when it is
 * full. */
static int watch_root(const struct engine *engine)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 &&
		inotify_add_watch(fd, engine->root_path, IN_MODIFY | IN_CREATE) < 0) {
		(void)close(fd);
		return -errno;
	}
	return fd < 0 ? -errno : fd;
}

static int read_all(struct reading *reading, struct engine *engine)
{
	int r;

	r = open_for_reading(reading, engine, "events.1");
	if (r == 0 && reading->fd >= 0)
		r = read_to_end(reading);
	if (r == 0)
		r = open_for_reading(reading, engine, "events");
	if (r == 0 && reading->fd >= 0)
		r = read_to_end(reading);
	return r;
}

int events_read(struct engine *engine, const struct events_options *options, events_fn fn,
	void *arg, struct err *err)
{
	struct reading reading = { .options = options, .fn = fn, .arg = arg, .fd = -1 };
	cleanup_close int inotify_fd = -1;
	int r = 0;

	if (options->follow) {
		inotify_fd = watch_root(engine);
		if (inotify_fd < 0)
			return err_set(err, -inotify_fd, "watch %s", engine->root_path);
	}
	r = read_all(&reading, engine);
	if (r == 0 && options->follow)
		r = follow(&reading, engine, inotify_fd);
	if (reading.fd >= 0)
		(void)close(reading.fd);
	buf_done(&reading.line);
	if (r == -EINTR || r >= 0)
		return r;
	return err_set(err, -r, "read the events");
}
