/* SPDX-License-Identifier: Apache-2.0 */
#include "images/inflate-gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_ONLY 16 /* added to the window bits: a gzip header, not zlib's */

struct gunzip {
	z_stream z;
};

int gunzip_new(struct gunzip **ret, struct err *err)
{
	struct gunzip *g = calloc(1, sizeof(*g));

	if (!g || inflateInit2(&g->z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		free(g);
		return err_oom(err);
	}
	*ret = g;
	return 0;
}

void gunzip_free(struct gunzip *g)
{
	if (!g)
		return;
	(void)inflateEnd(&g->z);
	free(g);
}

int gunzip_run(struct gunzip *g, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t room, size_t *ret_made, struct err *err)
{
	z_stream *z = &g->z;
	int r;

	z->next_in = (Bytef *)(uintptr_t)*in;
	z->avail_in = (uInt)*in_len;
	z->next_out = out;
	z->avail_out = (uInt)room;
	r = inflate(z, Z_NO_FLUSH);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return err_say(err, EBADMSG, "the gzip data is corrupt: %s",
			z->msg ? z->msg : "not decodable");
	*in = z->next_in;
	*in_len = z->avail_in;
	*ret_made = room - z->avail_out;
	if (r != Z_STREAM_END)
		return 0;
	if (inflateReset(z) != Z_OK)
		return err_say(err, EBADMSG, "the gzip data is corrupt");
	return 1;
}
