/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/log.h"

#include "agentd/container-private.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define READ_BYTES 65536
#define RECORD_MAX (4U << 20)
#define FILES_MAX 1000
#define RECHECK_MS 1000 /* how often a shim that was killed is looked for */
#define NAME_ROOM 24

struct log_reader {
	int dirfd;
	struct log_options options;
	int fd; /* -1: before the first file */
	int inotify_fd;
	uint64_t skip;			   /* lines still to leave out, for `tail` */
	bool is_inside[3], is_left_out[3]; /* by stream: the line whose parts come */
	struct buf data;
	size_t at; /* what of it was handed out */
};

static const char *file_name(unsigned int age, char ret[NAME_ROOM])
{
	(void)snprintf(ret, NAME_ROOM, age ? "log.%u" : "log", age);
	return ret;
}

static int open_file(const struct log_reader *reader, unsigned int age)
{
	char name[NAME_ROOM];
	int fd = openat(
		reader->dirfd, file_name(age, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The age of the open file now, or -ENOENT when rotation has dropped it. */
static int find_age(const struct log_reader *reader)
{
	struct stat ours, st;
	char name[NAME_ROOM];

	if (fstat(reader->fd, &ours) < 0)
		return -errno;
	for (unsigned int age = 0; age < FILES_MAX; age++) {
		if (fstatat(reader->dirfd, file_name(age, name), &st,
			    AT_SYMLINK_NOFOLLOW) < 0) {
			if (age > 0)
				return -ENOENT;
		} else if (st.st_ino == ours.st_ino && st.st_dev == ours.st_dev) {
			return (int)age;
		}
	}
	return -ENOENT;
}

static int open_oldest(const struct log_reader *reader)
{
	struct stat st;
	char name[NAME_ROOM];
	unsigned int age = 0;

	while (age < FILES_MAX && fstatat(reader->dirfd, file_name(age + 1, name), &st,
					  AT_SYMLINK_NOFOLLOW) == 0)
		age++;
	return open_file(reader, age);
}

/* Reads on in the open file. The number of bytes, 0 at its present end. */
static int read_more(struct log_reader *reader)
{
	char *room;
	ssize_t n;

	if (reader->fd < 0)
		return 0;
	buf_consume(&reader->data, reader->at);
	reader->at = 0;
	if (reader->data.len > RECORD_MAX)
		buf_reset(&reader->data);
	room = buf_room(&reader->data, READ_BYTES);
	if (!room)
		return -ENOMEM;
	do {
		n = read(reader->fd, room, READ_BYTES);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf_add(&reader->data, (size_t)n);
	return (int)n;
}

/* Goes on to the next newer file. 1, or 0 when the open one is the newest. */
static int open_newer(struct log_reader *reader)
{
	int age = reader->fd < 0 ? -ENOENT : find_age(reader);
	int fd, n;

	if (age == 0)
		return 0;
	/* Lines may have come between the last read and the rotation. */
	n = read_more(reader);
	if (n != 0)
		return n < 0 ? n : 1;
	fd = age > 0 ? open_file(reader, (unsigned int)age - 1) : open_oldest(reader);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (reader->fd >= 0)
		(void)close(reader->fd);
	reader->fd = fd;
	return 1;
}

/* The next record that is in memory already. */
static bool take_record(struct log_reader *reader, struct log_line *ret)
{
	const char *start, *newline;
	size_t len;

	while (reader->at < reader->data.len) {
		start = reader->data.data + reader->at;
		newline = memchr(start, '\n', reader->data.len - reader->at);
		if (!newline)
			return false;
		len = (size_t)(newline - start);
		reader->at += len + 1;
		if (log_line_parse(start, len, ret))
			return true;
	}
	return false;
}

/* Lines are counted where they begin: the last may have no end yet, and those of the two
 * streams may lie inside each other. */
static bool begins_line(bool is_inside[3], const struct log_line *line)
{
	bool begins = !is_inside[line->stream];

	is_inside[line->stream] = line->is_partial;
	return begins;
}

static bool is_wanted(struct log_reader *reader, const struct log_line *line)
{
	if (begins_line(reader->is_inside, line)) {
		reader->is_left_out[line->stream] = reader->skip > 0;
		reader->skip -= reader->skip > 0;
	}
	if (reader->is_left_out[line->stream])
		return false;
	return line->time >= reader->options.since &&
	       (!reader->options.until || line->time < reader->options.until);
}

/* The shim writes all of the log before it writes `exit`. */
static bool is_complete(const struct log_reader *reader)
{
	return faccessat(reader->dirfd, "exit", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       !container_is_supervised(reader->dirfd);
}

static int wait_for_more(struct log_reader *reader)
{
	int gone_fd = reader->options.gone_fd;
	struct pollfd fds[2] = {
		{ .fd = reader->inotify_fd, .events = POLLIN },
		{ .fd = gone_fd ? gone_fd : -1 },
	};
	char drained[4096];

	if (poll(fds, 2, RECHECK_MS) < 0)
		return -errno;
	if (fds[1].revents & POLLERR)
		return -EPIPE;
	if (fds[0].revents)
		(void)!read(reader->inotify_fd, drained, sizeof(drained));
	return 1;
}

/* Gets more data into memory: 1, 0 at the end of the log. */
static int advance(struct log_reader *reader)
{
	bool is_final;
	int r;

	for (;;) {
		is_final = !reader->options.follow || is_complete(reader);
		r = read_more(reader);
		if (r == 0)
			r = open_newer(reader);
		if (r != 0 || is_final)
			return r < 0 ? r : r > 0;
		r = wait_for_more(reader);
		if (r < 0)
			return r;
	}
}

static int next_wanted(struct log_reader *reader, struct log_line *ret)
{
	int r;

	for (;;) {
		while (take_record(reader, ret)) {
			if (is_wanted(reader, ret))
				return 1;
		}
		r = advance(reader);
		if (r <= 0)
			return r;
	}
}

int log_next(struct log_reader *reader, struct log_line *ret, struct err *err)
{
	int r = next_wanted(reader, ret);

	return r < 0 && r != -EINTR ? err_set(err, -r, "read the log") : r;
}

/* How many lines there are, read once for `tail`. */
static int count_lines(int dirfd, uint64_t *ret)
{
	struct log_reader counter = {
		.dirfd = dirfd,
		.options = { .tail = -1 },
		.fd = -1,
		.inotify_fd = -1,
	};
	bool is_inside[3] = { false };
	struct log_line line;
	uint64_t count = 0;
	int r;

	while ((r = next_wanted(&counter, &line)) > 0)
		count += begins_line(is_inside, &line);
	if (counter.fd >= 0)
		(void)close(counter.fd);
	buf_done(&counter.data);
	*ret = count;
	return r;
}

static int watch_directory(struct log_reader *reader)
{
	char path[40];

	reader->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", reader->dirfd);
	if (reader->inotify_fd < 0 ||
		inotify_add_watch(reader->inotify_fd, path,
			IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return -errno;
	return 0;
}

static int prepare(struct log_reader *reader)
{
	uint64_t lines;
	int r;

	if (reader->options.follow) {
		r = watch_directory(reader);
		if (r < 0)
			return r;
	}
	if (reader->options.tail >= 0) {
		r = count_lines(reader->dirfd, &lines);
		if (r < 0)
			return r;
		if (lines > (uint64_t)reader->options.tail)
			reader->skip = lines - (uint64_t)reader->options.tail;
	}
	return 0;
}

int log_open(int container_dirfd, const struct log_options *options,
	struct log_reader **ret, struct err *err)
{
	struct log_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return err_oom(err);
	reader->dirfd = container_dirfd;
	reader->options = *options;
	reader->fd = -1;
	reader->inotify_fd = -1;
	r = prepare(reader);
	if (r < 0) {
		log_free(reader);
		return err_set(err, -r, "open the log");
	}
	*ret = reader;
	return 0;
}

void log_free(struct log_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		(void)close(reader->fd);
	if (reader->inotify_fd >= 0)
		(void)close(reader->inotify_fd);
	buf_done(&reader->data);
	free(reader);
}
