/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gzip file is one or more members in a row (RFC 1952, 2.2); pigz, bgzip and estargz
 * write many. Zero bytes after the last are padding, anything else there is an error:
 * what follows would be part of the blob's digest and of nothing else.
 */
#include "images/inflate-gzip.h"

#include "images/inflate.h"

#include <errno.h>

#define MADE_MAX (256U << 10)
#define GZIP_FIRST 0x1f /* the first byte of a member */

struct gzip_stream {
	struct codec_stream base;
	struct gunzip *gunzip;
	const uint8_t *in;
	size_t in_len;
	enum { IN_MEMBER, BETWEEN_MEMBERS, PADDING } where;
	uint8_t made[MADE_MAX];
};

/* More input when there is none. 1, or 0 at the end of it. */
static int refill(struct gzip_stream *gs, struct err *err)
{
	if (gs->in_len)
		return 1;
	return replay_next(&gs->base.in, &gs->in, &gs->in_len, err);
}

static int check_padding(struct gzip_stream *gs, struct err *err)
{
	for (; gs->in_len; gs->in++, gs->in_len--) {
		if (*gs->in)
			return err_say(err, EBADMSG,
				"the gzip data is followed by something that is not gzip");
	}
	return 0;
}

static int run_member(struct gzip_stream *gs, size_t *ret_made, struct err *err)
{
	int r;

	gs->where = IN_MEMBER;
	r = gunzip_run(
		gs->gunzip, &gs->in, &gs->in_len, gs->made, MADE_MAX, ret_made, err);
	if (r > 0)
		gs->where = BETWEEN_MEMBERS;
	return r < 0 ? r : 0;
}

static int gzip_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct gzip_stream *gs = (struct gzip_stream *)s;
	size_t made = 0;
	int r;

	while (!made) {
		r = refill(gs, err);
		if (r < 0)
			return r;
		if (r == 0 && gs->where == IN_MEMBER)
			return err_say(err, EBADMSG, "the gzip data is truncated");
		if (r == 0)
			return 0;
		if (gs->where == BETWEEN_MEMBERS && *gs->in != GZIP_FIRST)
			gs->where = PADDING;
		r = gs->where == PADDING ? check_padding(gs, err)
					 : run_member(gs, &made, err);
		if (r < 0)
			return r;
	}
	*ret = gs->made;
	*ret_len = made;
	return 1;
}

static void gzip_done(struct stream *s)
{
	struct gzip_stream *gs = (struct gzip_stream *)s;

	stream_free(gs->base.in.lower);
	gunzip_free(gs->gunzip);
}

int inflate_gzip(struct replay *in, struct stream **ret, struct err *err)
{
	struct gzip_stream *gs = calloc(1, sizeof(*gs));
	int r;

	if (!gs)
		return err_oom(err);
	r = gunzip_new(&gs->gunzip, err);
	if (r < 0) {
		free(gs);
		return r;
	}
	gs->base.stream = (struct stream){ .next = gzip_next, .done = gzip_done };
	gs->base.in = *in;
	*ret = &gs->base.stream;
	return 0;
}
