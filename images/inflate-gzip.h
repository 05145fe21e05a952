/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One member of a gzip file, decompressed piece by piece: by isa-l where it was found
 * when this was built, else by zlib. The same three functions, in inflate-isal.c and
 * inflate-zlib.c.
 */
#ifndef UCR_IMAGES_INFLATE_GZIP_H
#define UCR_IMAGES_INFLATE_GZIP_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct gunzip;

int gunzip_new(struct gunzip **ret, struct err *err) __attribute__((warn_unused_result));
void gunzip_free(struct gunzip *g);

/*
 * Takes from *in what it can, which moves, and fills `out`. 1 when the member is
 * complete, its checksum right, and the next call begins another; 0 when it wants more;
 * -errno.
 */
int gunzip_run(struct gunzip *g, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t room, size_t *ret_made, struct err *err)
	__attribute__((warn_unused_result));

#endif
