/* SPDX-License-Identifier: Apache-2.0 */
#include "images/erofs-data.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/erofs-format.h"

#include <errno.h>
#include <string.h>

#define BUFFER_SIZE (256U << 10)
/* A block's number has 32 bits. */
#define DATA_MAX ((uint64_t)UINT32_MAX << EROFS_BLOCK_BITS)

int erofs_data_init(struct erofs_data *d)
{
	d->buffer = malloc(BUFFER_SIZE);
	return d->buffer ? 0 : -ENOMEM;
}

void erofs_data_done(struct erofs_data *d)
{
	free(d->buffer);
}

static int flush(struct erofs_data *d)
{
	int r = fd_write_all_at(d->fd, d->buffer, d->buffer_len, d->buffer_at);

	d->buffer_at += d->buffer_len;
	d->buffer_len = 0;
	return r;
}

/* Small files after each other go out together, with the ends of their blocks in between. */
static int put(struct erofs_data *d, const void *data, size_t len, uint64_t at)
{
	uint64_t used = d->buffer_at + d->buffer_len;
	size_t gap =
		at >= used && at - used < EROFS_BLOCK ? (size_t)(at - used) : SIZE_MAX;
	int r = 0;

	if (gap == SIZE_MAX || d->buffer_len + gap + len > BUFFER_SIZE) {
		r = flush(d);
		d->buffer_at = at;
		gap = 0;
	}
	if (r == 0 && len > BUFFER_SIZE) {
		d->buffer_at = at + len;
		return fd_write_all_at(d->fd, data, len, at);
	}
	memset(d->buffer + d->buffer_len, 0, gap);
	memcpy(d->buffer + d->buffer_len + gap, data, len);
	d->buffer_len += gap + len;
	return r;
}

/* The file being written is the last one in the data, and may grow. */
static int grow(struct erofs_data *d, struct erofs_place *place, uint64_t size)
{
	if (!place->device)
		*place = (struct erofs_place){ .at = erofs_align(d->end, EROFS_BLOCK),
			.device = EROFS_DATA_DEVICE };
	if (size > DATA_MAX - place->at)
		return -EFBIG;
	if (size > place->size)
		place->size = size;
	d->end = place->at + place->size;
	return 0;
}

/* A file that the archive does not have in one piece is taken out of it after all. */
static int leave_archive(struct erofs_data *d, struct erofs_place *place)
{
	struct erofs_place from = *place;
	char block[4096];
	ssize_t n;
	int r;

	*place = (struct erofs_place){ 0 };
	r = grow(d, place, from.size);
	for (uint64_t done = 0; r == 0 && done < from.size; done += (uint64_t)n) {
		size_t len = from.size - done < sizeof(block) ? (size_t)(from.size - done)
							      : sizeof(block);

		n = pread(d->archive_fd, block, len, (off_t)(from.at + done));
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		r = put(d, block, (size_t)n, place->at + done);
	}
	return r;
}

/* The first piece of a file, or one that follows the last in the archive too. */
static bool can_point(const struct erofs_data *d, const struct erofs_place *place,
	const struct piece *piece)
{
	uint64_t at = d->archive_offset + piece->position;

	if (d->archive_fd < 0)
		return false;
	if (!place->device)
		return piece->offset == 0 && piece->position != PIECE_NOWHERE &&
		       at % EROFS_BLOCK == 0 && at < DATA_MAX;
	return place->device == EROFS_ARCHIVE_DEVICE && piece->offset == place->size &&
	       at == place->at + place->size;
}

int erofs_data_write(
	struct erofs_data *d, struct erofs_place *place, const struct piece *piece)
{
	int r = 0;

	if (can_point(d, place, piece)) {
		if (!place->device)
			*place = (struct erofs_place){ .at = d->archive_offset +
							     piece->position,
				.device = EROFS_ARCHIVE_DEVICE };
		place->size += piece->len;
		return 0;
	}
	if (place->device == EROFS_ARCHIVE_DEVICE)
		r = leave_archive(d, place);
	if (r == 0)
		r = grow(d, place, piece->offset + piece->len);
	return r < 0 ? r : put(d, piece->data, piece->len, place->at + piece->offset);
}

int erofs_data_set_size(struct erofs_data *d, struct erofs_place *place, uint64_t size)
{
	int r = 0;

	if (place->device == EROFS_ARCHIVE_DEVICE)
		r = leave_archive(d, place);
	return r < 0 ? r : grow(d, place, size);
}

int erofs_data_finish(struct erofs_data *d)
{
	int r = flush(d);

	if (r == 0 && ftruncate(d->fd, (off_t)erofs_align(d->end, EROFS_BLOCK)) < 0)
		r = -errno;
	return r;
}
