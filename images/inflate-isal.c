/* SPDX-License-Identifier: Apache-2.0 */
#include "images/inflate-gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

struct gunzip {
	struct inflate_state state;
};

int gunzip_new(struct gunzip **ret, struct err *err)
{
	struct gunzip *g = malloc(sizeof(*g));

	if (!g)
		return err_oom(err);
	isal_inflate_init(&g->state);
	g->state.crc_flag = ISAL_GZIP;
	*ret = g;
	return 0;
}

void gunzip_free(struct gunzip *g)
{
	free(g);
}

static int fail(int code, struct err *err)
{
	if (code == ISAL_INCORRECT_CHECKSUM)
		return err_say(
			err, EBADMSG, "the gzip data is corrupt: its checksum is wrong");
	return err_say(err, EBADMSG, "the gzip data is corrupt");
}

int gunzip_run(struct gunzip *g, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t room, size_t *ret_made, struct err *err)
{
	struct inflate_state *st = &g->state;
	int r;

	st->next_in = (uint8_t *)(uintptr_t)*in;
	st->avail_in = (uint32_t)*in_len;
	st->next_out = out;
	st->avail_out = (uint32_t)room;
	r = isal_inflate(st);
	if (r < 0 || r == ISAL_NEED_DICT)
		return fail(r, err);
	*in = st->next_in;
	*in_len = st->avail_in;
	*ret_made = room - st->avail_out;
	if (st->block_state != ISAL_BLOCK_FINISH)
		return 0;
	isal_inflate_reset(st);
	st->crc_flag = ISAL_GZIP;
	return 1;
}
