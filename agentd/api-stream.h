/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How what flows out of a container is written for a client. A codec is a table; what it must
 * remember of one stream is in the state. Nothing here knows of sockets: bytes in, bytes out.
 *
 * A route's `make` (agentd/api-private.h) chooses the codec; when the engine's ANSWER comes with a
 * descriptor that flows, ucr-api reads from it as fast as the client takes it, and no faster.
 */
#ifndef UCR_AGENTD_API_STREAM_H
#define UCR_AGENTD_API_STREAM_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What comes out of a descriptor. Of a pipe it is all API_STDOUT. */
enum api_piece {
	API_STDOUT,
	API_STDERR,
	API_DROPPED, /* uint64_t: bytes that were lost because this client is slow */
	API_EXIT,    /* struct attach_exit */
	API_TICK,    /* nothing came for API_TICK_MS */
	API_END,     /* nothing follows */
};

#define API_TICK_MS 15000

struct api_codec_state {
	struct buf line; /* for those that work by lines: the one that has no end yet */
	bool has_stdout, has_stderr; /* which of the two the client wants */
	bool is_log; /* what comes are lines of a log (agentd/log.h), and what they say is meant */
	bool has_times;	   /* each of those with its time before it */
	bool is_inside[2]; /* by stream: the line whose parts come */
};
#define API_CODEC_STATE                                                                  \
	{                                                                                \
		.has_stdout = true, .has_stderr = true                                   \
	}
void api_codec_state_done(struct api_codec_state *state);

struct api_codec {
	const char *type;    /* the media type; the engine's own word goes before it */
	const char *message; /* the media type of a record in it, where there are such */
	bool has_ticks;
	/* Appends to `out` what the piece becomes, if anything. */
	void (*put)(struct api_codec_state *state, enum api_piece piece, const char *data,
		size_t len, struct buf *out);
};

/* What lines of a log say, by any codec but those that have lines themselves. */
void api_log_put(struct api_codec_state *state, const struct api_codec *codec,
	const char *data, size_t len, struct buf *out);

extern const struct api_codec api_codec_raw;  /* both streams as they come */
extern const struct api_codec api_codec_text; /* the same, which is known to be text */
extern const struct api_codec
	api_codec_docker; /* frames: [stream, 0, 0, 0, length × 4] */
extern const struct api_codec api_codec_frames; /* runtime/attach-stream.h */
extern const struct api_codec
	api_codec_process_io; /* Mesos: RecordIO of ProcessIO in JSON */
/* Server-sent events out of lines of JSON, whose member "seq" becomes the id. */
extern const struct api_codec api_codec_sse;

/* The other direction: what a record of ATTACH_CONTAINER_INPUT, behind the first, is for a shim. */
enum api_input_kind { API_INPUT_NOTHING, API_INPUT_DATA, API_INPUT_SIZE };
struct api_input {
	enum api_input_kind kind;
	struct buf data; /* of DATA; empty: the end of the input */
	uint16_t rows, columns;
};
int api_input_parse(const char *text, size_t len, struct api_input *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Makes it NOTHING. */
void api_input_done(struct api_input *input);

#endif
