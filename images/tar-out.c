/* SPDX-License-Identifier: Apache-2.0 */
#include "images/tar-out.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define BLOCK 512
#define OCTAL_ID_MAX 07777777U			 /* seven digits */
#define OCTAL_TIME_MAX ((UINT64_C(1) << 33) - 1) /* eleven digits */
#define PAX_NAME "PaxHeaders/member"
#define PAX_TYPE 'x'
#define SECOND_NS 1000000000L

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type, link[100], magic[8], user[32], group[32], major[8], minor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

/* ---- fields ---- */

/* What has no room is in a PAX record, which counts. */
static void put_text(char *field, size_t room, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	memcpy(field, text ? text : "", len < room ? len : room);
}

static void put_octal(char field[8], uint32_t value)
{
	(void)snprintf(field, 8, "%07o", value <= OCTAL_ID_MAX ? value : 0);
}

/* What eleven digits do not hold is written in binary, as every reader of today knows. */
static void put_size(char field[12], uint64_t size)
{
	if (size <= OCTAL_TIME_MAX) {
		(void)snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	memset(field, 0, 12);
	field[0] = (char)0x80;
	for (int i = 11; size; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

static bool has_octal_time(const struct timespec *t)
{
	return t->tv_sec >= 0 && (uint64_t)t->tv_sec <= OCTAL_TIME_MAX && !t->tv_nsec;
}

static void put_time(char field[12], const struct timespec *t)
{
	uint64_t s = t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec;

	put_size(field, s <= OCTAL_TIME_MAX ? s : 0);
}

static void put_checksum(struct ustar *h)
{
	const unsigned char *byte = (const unsigned char *)h;
	unsigned int sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += byte[i];
	(void)snprintf(h->checksum, sizeof(h->checksum) - 1, "%06o", sum);
}

/* ---- PAX ---- */

static size_t digits(size_t n)
{
	size_t count = 1;

	while (n /= 10)
		count++;
	return count;
}

/* "LEN KEY=VALUE\n", where LEN counts itself, too. */
void tar_out_record(struct buf *records, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(key) + len + 3;
	size_t total = rest + digits(rest);

	total = rest + digits(total);
	buf_printf(records, "%zu %s=", total, key);
	buf_put(records, value, len);
	buf_putc(records, '\n');
}

static void record_text(struct buf *records, const char *key, const char *text)
{
	tar_out_record(records, key, text, strlen(text));
}

static void record_id(struct buf *records, const char *key, uint32_t id)
{
	char text[16];

	if (id <= OCTAL_ID_MAX)
		return;
	(void)snprintf(text, sizeof(text), "%u", id);
	record_text(records, key, text);
}

/* Seconds round down in a timespec: -1.5 is -2 and half a second. */
static void record_time(struct buf *records, const struct timespec *t)
{
	bool is_split = t->tv_sec < 0 && t->tv_nsec;
	long long s = (long long)t->tv_sec + is_split;
	long ns = is_split ? SECOND_NS - t->tv_nsec : t->tv_nsec;
	char text[48];

	if (has_octal_time(t))
		return;
	(void)snprintf(text, sizeof(text), "%s%llu.%09ld", t->tv_sec < 0 ? "-" : "",
		s < 0 ? 0ULL - (unsigned long long)s : (unsigned long long)s, ns);
	record_text(records, "mtime", text);
}

static void record_member(struct buf *records, const struct tar_member *m)
{
	const struct ustar *h = NULL;

	if (strlen(m->path) > sizeof(h->name))
		record_text(records, "path", m->path);
	if (m->link && strlen(m->link) > sizeof(h->link))
		record_text(records, "linkpath", m->link);
	record_id(records, "uid", m->uid);
	record_id(records, "gid", m->gid);
	record_time(records, &m->mtime);
	if (m->records)
		buf_put(records, m->records->data, m->records->len);
}

/* ---- members ---- */

static int put_header(int fd, const struct tar_member *m, char type)
{
	struct ustar h = { .type = type,
		.magic = { 'u', 's', 't', 'a', 'r', 0, '0', '0' } };

	put_text(h.name, sizeof(h.name), m->path);
	put_text(h.link, sizeof(h.link), m->link);
	put_octal(h.mode, m->mode & 07777);
	put_octal(h.uid, m->uid);
	put_octal(h.gid, m->gid);
	put_size(h.size, m->size);
	put_time(h.mtime, &m->mtime);
	if (type == TAR_CHAR || type == TAR_BLOCK) {
		put_octal(h.major, major(m->rdev));
		put_octal(h.minor, minor(m->rdev));
	}
	put_checksum(&h);
	return fd_write_all(fd, &h, sizeof(h));
}

static int put_records(int fd, const struct buf *records)
{
	const struct tar_member m = {
		.path = PAX_NAME, .mode = 0644, .size = records->len
	};
	int r = put_header(fd, &m, PAX_TYPE);

	if (r == 0)
		r = fd_write_all(fd, records->data, records->len);
	return r < 0 ? r : tar_out_end(fd, records->len);
}

int tar_out_member(int fd, const struct tar_member *member)
{
	cleanup_buf struct buf records = BUF_INIT;
	int r = 0;

	record_member(&records, member);
	if (buf_finish(&records) < 0)
		return -ENOMEM;
	if (records.len)
		r = put_records(fd, &records);
	return r < 0 ? r : put_header(fd, member, (char)member->type);
}

int tar_out_begin(int fd, const char *name, uint64_t size)
{
	const struct tar_member m = {
		.type = TAR_FILE, .path = name, .mode = 0644, .size = size
	};

	if (strlen(name) > sizeof(((struct ustar *)NULL)->name))
		return -ENAMETOOLONG;
	return tar_out_member(fd, &m);
}

int tar_out_end(int fd, uint64_t size)
{
	static const char zeros[BLOCK];

	return size % BLOCK ? fd_write_all(fd, zeros, BLOCK - size % BLOCK) : 0;
}

int tar_out_finish(int fd)
{
	static const char zeros[2 * BLOCK];

	return fd_write_all(fd, zeros, sizeof(zeros));
}
