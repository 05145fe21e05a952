/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shim-log.h"

#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_MAX (TIMESTAMP_MAX + 16)
#define LINES_AT_ONCE 64
#define NAME_ROOM 24

/* Lines that go out in one writev(2), so that a line is never torn by a full disk. */
struct batch {
	struct iovec iov[2 * LINES_AT_ONCE + 1];
	int count;
	size_t bytes, text_bytes;
};

void shim_log_init(
	struct shim_log *log, int dirfd, int64_t max_size, unsigned int max_files)
{
	*log = (struct shim_log){
		.dirfd = dirfd,
		.fd = -1,
		.max_size = max_size,
		.max_files = max_files,
	};
}

static const char *file_name(unsigned int age, char ret[NAME_ROOM])
{
	(void)snprintf(ret, NAME_ROOM, age ? "log.%u" : "log", age);
	return ret;
}

static void rotate(struct shim_log *log)
{
	char from[NAME_ROOM], to[NAME_ROOM];

	(void)close(log->fd);
	log->fd = -1;
	if (log->max_files < 2)
		(void)unlinkat(log->dirfd, "log", 0);
	for (unsigned int age = log->max_files - 1; age > 0; age--)
		(void)renameat(log->dirfd, file_name(age - 1, from), log->dirfd,
			file_name(age, to));
}

static bool log_is_open(struct shim_log *log)
{
	struct stat st;

	if (log->fd >= 0)
		return true;
	log->fd = openat(log->dirfd, "log",
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return false;
	log->size = fstat(log->fd, &st) < 0 ? 0 : st.st_size;
	return true;
}

/* All of it or nothing: a torn line would spoil the one after it. */
static bool write_whole(
	struct shim_log *log, const struct iovec *iov, int count, size_t bytes)
{
	ssize_t n;

	if (log->fd >= 0 && log->size > 0 && log->size + (int64_t)bytes > log->max_size)
		rotate(log);
	if (!log_is_open(log))
		return false;
	do {
		n = writev(log->fd, iov, count);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)bytes) {
		log->size += n;
		return true;
	}
	if (n > 0 && ftruncate(log->fd, log->size) < 0)
		log->size += n;
	return false;
}

static void tell_loss(struct shim_log *log)
{
	char stamp[TIMESTAMP_MAX], line[HEAD_MAX + 96];
	struct iovec iov = { .iov_base = line };

	(void)snprintf(line, sizeof(line),
		"%s stderr F [%llu bytes of output could not be written to this log]\n",
		timestamp_format(timestamp_now(), stamp),
		(unsigned long long)log->lost_bytes);
	iov.iov_len = strlen(line);
	if (write_whole(log, &iov, 1, iov.iov_len))
		log->lost_bytes = 0;
}

static void flush(struct shim_log *log, struct batch *batch)
{
	if (batch->count && log->lost_bytes)
		tell_loss(log);
	if (batch->count && (log->lost_bytes || !write_whole(log, batch->iov,
							batch->count, batch->bytes)))
		log->lost_bytes += batch->text_bytes;
	batch->count = 0;
	batch->bytes = batch->text_bytes = 0;
}

static void put(struct batch *batch, const char *data, size_t len)
{
	batch->iov[batch->count].iov_base = (void *)(uintptr_t)data;
	batch->iov[batch->count++].iov_len = len;
	batch->bytes += len;
}

void shim_log_write(struct shim_log *log, int stream, const char *data, size_t len)
{
	char stamp[TIMESTAMP_MAX], full[HEAD_MAX], part[HEAD_MAX];
	struct batch batch = { .count = 0 };
	const char *newline;
	size_t line, head;

	if (log->dirfd < 0)
		return;
	(void)timestamp_format(timestamp_now(), stamp);
	head = (size_t)snprintf(full, sizeof(full), "%s %s F ", stamp,
		stream == STDERR_FILENO ? "stderr" : "stdout");
	memcpy(part, full, head + 1);
	part[head - 2] = 'P';
	for (; len > 0; data += line, len -= line) {
		newline = memchr(data, '\n', len);
		line = newline ? (size_t)(newline - data) + 1 : len;
		put(&batch, newline ? full : part, head);
		put(&batch, data, line);
		if (!newline)
			put(&batch, "\n", 1);
		batch.text_bytes += line;
		if (batch.count >= 2 * LINES_AT_ONCE)
			flush(log, &batch);
	}
	flush(log, &batch);
}
