/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zip archive says everything twice, in the central directory at its end and before each
 * member. Readers differ in which they believe, so that one archive can be two. Here both
 * must say the same, and every byte belongs to one member at most.
 */
#include "images/zip.h"

#include "common/str.h"

#include <errno.h>
#include <unistd.h>

#define END_SIZE 22U
#define END64_SIZE 56U
#define LOCATOR_SIZE 20U
#define CENTRAL_SIZE 46U
#define LOCAL_SIZE 30U
#define COMMENT_MAX 65535U
#define DIRECTORY_MAX (64U << 20)
#define IS_ENCRYPTED 0x0041U /* the traditional way, or strongly */
#define HAS_DESCRIPTOR 0x0008U
#define ABSENT32 UINT32_MAX /* the zip64 extra field has it */

struct zip_end {
	uint64_t count, size, offset; /* of the central directory */
	uint64_t begin;		      /* of the record that says so */
};

struct central {
	const uint8_t *head, *name, *extra;
	uint16_t flags, method, name_len, extra_len, comment_len;
	uint64_t packed, plain, offset;
};

struct span {
	uint64_t begin, end;
};

static uint64_t le(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

static bool has_mark(const uint8_t *p, char a, char b)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == (uint8_t)a && p[3] == (uint8_t)b;
}

static int damaged(struct err *err, const char *why)
{
	return err_say(err, EBADMSG, "the zip archive is damaged: %s", why);
}

static int read_at(int fd, uint64_t offset, void *buf, size_t len, struct err *err)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read the zip archive");
		if (n == 0)
			return damaged(err, "it ends early");
		done += (size_t)n;
	}
	return 0;
}

/* ---- where the central directory is ---- */

static int read_end64(int fd, uint64_t end_at, struct zip_end *ret, struct err *err)
{
	uint8_t locator[LOCATOR_SIZE], end[END64_SIZE];
	uint64_t at;
	int r;

	if (end_at < LOCATOR_SIZE + END64_SIZE)
		return 0;
	r = read_at(fd, end_at - LOCATOR_SIZE, locator, sizeof(locator), err);
	if (r < 0 || !has_mark(locator, 6, 7))
		return r;
	at = le(locator + 8, 8);
	if (at > end_at - LOCATOR_SIZE - END64_SIZE)
		return damaged(err, "its zip64 end record lies outside");
	r = read_at(fd, at, end, sizeof(end), err);
	if (r < 0)
		return r;
	if (!has_mark(end, 6, 6))
		return damaged(err, "it has no zip64 end record where it says");
	*ret = (struct zip_end){ .count = le(end + 32, 8),
		.size = le(end + 40, 8),
		.offset = le(end + 48, 8),
		.begin = at };
	return 0;
}

/* The end record is the last thing but for a comment, whose length it tells. Of two marks some
 * readers take the last, some the one whose length is right. */
static int find_end(int fd, uint64_t size, struct zip_end *ret, struct err *err)
{
	size_t len =
		size < END_SIZE + COMMENT_MAX ? (size_t)size : END_SIZE + COMMENT_MAX;
	cleanup_free uint8_t *tail = malloc(len + 1);
	int r;

	if (!tail)
		return err_oom(err);
	r = read_at(fd, size - len, tail, len, err);
	if (r < 0)
		return r;
	for (size_t i = len < END_SIZE ? 0 : len - END_SIZE + 1; i-- > 0;) {
		if (!has_mark(tail + i, 5, 6))
			continue;
		if (le(tail + i + 20, 2) != len - i - END_SIZE)
			return err_say(err, EBADMSG,
				"the zip archive reads two ways: it has something after its end, or in its comment another end");
		*ret = (struct zip_end){ .count = le(tail + i + 10, 2),
			.size = le(tail + i + 12, 4),
			.offset = le(tail + i + 16, 4),
			.begin = size - len + i };
		return read_end64(fd, size - len + i, ret, err);
	}
	return err_say(
		err, EBADMSG, "not a zip archive, or one that was cut: it has no end");
}

/* ---- one member ---- */

/* What did not fit into 32 bits, in the order of the fixed fields. */
static void read_zip64(struct central *c)
{
	uint64_t *const fields[] = { &c->plain, &c->packed, &c->offset };
	const uint8_t *p = c->extra, *end = p + c->extra_len;

	while (end - p >= 4) {
		uint64_t len = le(p + 2, 2);
		bool is_zip64 = le(p, 2) == 1;

		p += 4;
		if (len > (uint64_t)(end - p))
			return;
		for (size_t i = 0; is_zip64 && i < 3 && len >= 8; i++) {
			if (*fields[i] != ABSENT32)
				continue;
			*fields[i] = le(p, 8);
			p += 8;
			len -= 8;
		}
		p += len;
	}
}

/* The member at `p`, how many bytes its entry is long, or an error. */
static int parse_central(
	const uint8_t *p, size_t left, struct central *ret, struct err *err)
{
	struct central c = { .head = p };
	size_t len;

	if (left < CENTRAL_SIZE || !has_mark(p, 1, 2))
		return damaged(err, "its directory is cut");
	c.flags = (uint16_t)le(p + 8, 2);
	c.method = (uint16_t)le(p + 10, 2);
	c.packed = le(p + 20, 4);
	c.plain = le(p + 24, 4);
	c.name_len = (uint16_t)le(p + 28, 2);
	c.extra_len = (uint16_t)le(p + 30, 2);
	c.comment_len = (uint16_t)le(p + 32, 2);
	c.offset = le(p + 42, 4);
	len = CENTRAL_SIZE + (size_t)c.name_len + c.extra_len + c.comment_len;
	if (len > left)
		return damaged(err, "its directory is cut");
	c.name = p + CENTRAL_SIZE;
	c.extra = c.name + c.name_len;
	read_zip64(&c);
	*ret = c;
	return (int)len;
}

static int check_name(const struct central *c, char show[SHOWN_MAX], struct err *err)
{
	cleanup_free char *name = strndup((const char *)c->name, c->name_len);

	if (!name)
		return err_oom(err);
	shown(name, show);
	if (!c->name_len || strlen(name) != c->name_len)
		return damaged(err, "a name in it is empty or has a NUL");
	if (strchr(name, '\\'))
		return err_say(err, EINVAL,
			"member %s has a backslash in its name, which no two readers take alike",
			show);
	if (c->flags & IS_ENCRYPTED)
		return err_say(err, ENOTSUP,
			"member %s is encrypted: a task's archive cannot be", show);
	return 0;
}

/* The local header against the central one; where the member's bytes lie. */
static int check_local(int fd, uint64_t limit, const struct central *c, const char *show,
	struct span *ret, struct err *err)
{
	cleanup_free uint8_t *name = malloc((size_t)c->name_len + 1);
	uint8_t head[LOCAL_SIZE];
	uint64_t used;
	int r;

	if (!name)
		return err_oom(err);
	if (c->offset > limit || limit - c->offset < LOCAL_SIZE + (uint64_t)c->name_len)
		return damaged(err, "a member lies outside");
	r = read_at(fd, c->offset, head, sizeof(head), err);
	if (r == 0)
		r = read_at(fd, c->offset + LOCAL_SIZE, name, c->name_len, err);
	if (r < 0)
		return r;
	if (!has_mark(head, 3, 4) || le(head + 26, 2) != c->name_len ||
		memcmp(name, c->name, c->name_len) != 0 || le(head + 8, 2) != c->method)
		return err_say(err, EBADMSG,
			"the zip archive reads two ways: member %s is another one where it lies",
			show);
	if (!(c->flags & HAS_DESCRIPTOR) && le(head + 18, 4) != ABSENT32 &&
		(le(head + 18, 4) != c->packed || le(head + 22, 4) != c->plain))
		return err_say(err, EBADMSG,
			"the zip archive reads two ways: member %s has two sizes", show);
	used = LOCAL_SIZE + (uint64_t)c->name_len + le(head + 28, 2);
	if (c->packed > limit || used > limit - c->offset ||
		c->packed > limit - c->offset - used)
		return damaged(err, "a member lies outside");
	*ret = (struct span){ c->offset, c->offset + used + c->packed };
	return 0;
}

/* ---- all of them ---- */

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

static int check_spans(struct span *spans, size_t count, struct err *err)
{
	qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < count; i++) {
		if (spans[i].begin < spans[i - 1].end)
			return err_say(err, EBADMSG,
				"members of the zip archive overlap, as those of a bomb do");
	}
	return 0;
}

static int check_members(
	int fd, const struct zip_end *end, const uint8_t *p, struct err *err)
{
	cleanup_free struct span *spans =
		reallocarray(NULL, (size_t)end->count + 1, sizeof(*spans));
	size_t left = (size_t)end->size;
	char show[SHOWN_MAX];
	struct central c = { 0 };
	int r;

	if (!spans)
		return err_oom(err);
	for (uint64_t i = 0; i < end->count; i++) {
		int len = parse_central(p, left, &c, err);

		if (len < 0)
			return len;
		p += len;
		left -= (size_t)len;
		r = check_name(&c, show, err);
		if (r == 0)
			r = check_local(fd, end->offset, &c, show, &spans[i], err);
		if (r < 0)
			return r;
	}
	if (left)
		return damaged(err, "its directory has more members than it says");
	return check_spans(spans, (size_t)end->count, err);
}

int zip_check(int fd, uint64_t size, const struct unpack_limits *limits, struct err *err)
{
	cleanup_free uint8_t *directory = NULL;
	struct zip_end end = { 0 };
	int r;

	r = find_end(fd, size, &end, err);
	if (r < 0)
		return r;
	if (end.offset > size || end.size > size - end.offset)
		return damaged(err, "its directory lies outside");
	/* Others look for it from behind, and take the difference for something in front. */
	if (end.offset + end.size != end.begin)
		return err_say(err, EBADMSG,
			"the zip archive reads two ways: its directory is not where it says");
	if (end.count > limits->entries || end.size > DIRECTORY_MAX)
		return err_say(err, E2BIG, "the zip archive has too many members");
	if (end.count > end.size / CENTRAL_SIZE)
		return damaged(err, "its directory is cut");
	directory = malloc((size_t)end.size + 1);
	if (!directory)
		return err_oom(err);
	r = read_at(fd, end.offset, directory, (size_t)end.size, err);
	return r < 0 ? r : check_members(fd, &end, directory, err);
}
