/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/recordio.h"

#include <errno.h>
#include <string.h>

#define DIGITS_MAX 10

void recordio_reader_done(struct recordio_reader *reader)
{
	buf_done(&reader->record);
}

/* One byte of the head: 0, or -EINVAL. */
static int take_digit(struct recordio_reader *reader, char c, struct err *err)
{
	if (c == '\n' && reader->digits) {
		reader->is_inside = true;
		return 0;
	}
	if (c < '0' || c > '9' || ++reader->digits > DIGITS_MAX)
		return err_say(err, EINVAL,
			"want records as \"LENGTH\\n\" and so many bytes: that is no length");
	reader->wanted = reader->wanted * 10 + (size_t)(c - '0');
	if (reader->wanted > RECORDIO_MAX)
		return err_say(
			err, EINVAL, "a record is larger than %d bytes", RECORDIO_MAX);
	return 0;
}

static void begin_head(struct recordio_reader *reader)
{
	reader->is_inside = false;
	reader->digits = 0;
	reader->wanted = 0;
}

int recordio_read(struct recordio_reader *reader, const char *data, size_t len,
	size_t *ret_taken, struct err *err)
{
	size_t at = 0, rest;
	int r;

	*ret_taken = 0;
	if (!reader->is_inside)
		buf_reset(&reader->record);
	while (!reader->is_inside && at < len) {
		r = take_digit(reader, data[at++], err);
		if (r < 0)
			return r;
	}
	*ret_taken = at;
	if (!reader->is_inside)
		return 0;
	rest = reader->wanted - reader->record.len;
	if (rest > len - at)
		rest = len - at;
	buf_put(&reader->record, data + at, rest);
	*ret_taken = at + rest;
	if (reader->record.failed)
		return err_oom(err);
	if (reader->record.len < reader->wanted)
		return 0;
	begin_head(reader);
	return 1;
}

void recordio_write_head(struct buf *out, size_t len)
{
	buf_printf(out, "%zu\n", len);
}
