/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RecordIO, as the streams of the Mesos API are framed: "<bytes in decimal>\n" and so many bytes,
 * one record after the other. Records are cut out of whatever pieces a connection delivers.
 */
#ifndef UCR_AGENTD_RECORDIO_H
#define UCR_AGENTD_RECORDIO_H

#include "common/buf.h"
#include "common/err.h"

#define RECORDIO_MAX 262144 /* bytes of a record */

struct recordio_reader {
	struct buf record;
	size_t wanted; /* bytes of the record that has begun */
	unsigned int digits;
	bool is_inside; /* its length is known */
};
#define RECORDIO_READER                                                                  \
	{                                                                                \
		.digits = 0                                                              \
	}
void recordio_reader_done(struct recordio_reader *reader);

/*
 * Takes bytes up to the end of the next record. `*ret_taken` is how many; 1: `record` holds one
 * whole, until the next call; 0: all were taken and there is no whole one yet; -EINVAL: no RecordIO.
 */
int recordio_read(struct recordio_reader *reader, const char *data, size_t len,
	size_t *ret_taken, struct err *err) __attribute__((warn_unused_result));

/* Appends the head of a record of `len` bytes. */
void recordio_write_head(struct buf *out, size_t len);

#endif
