/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-stream.h"

#include "agentd/log.h"
#include "common/timestamp.h"

#include <string.h>
#include <unistd.h>

#define LINE_BYTES_MAX (4U << 20)

/* The newline of a line that is whole stands behind it in `record`. */
static void put_line(struct api_codec_state *state, const struct api_codec *codec,
	const char *record, size_t len, struct buf *out)
{
	enum api_piece piece;
	struct log_line line;

	if (!log_line_parse(record, len, &line))
		return;
	piece = line.stream == STDERR_FILENO ? API_STDERR : API_STDOUT;
	if (state->has_times && !state->is_inside[piece])
		codec->put(state, piece, record, TIMESTAMP_MAX, out);
	state->is_inside[piece] = line.is_partial;
	codec->put(state, piece, line.text, line.len + !line.is_partial, out);
}

void api_log_put(struct api_codec_state *state, const struct api_codec *codec,
	const char *data, size_t len, struct buf *out)
{
	struct buf *line = &state->line;
	size_t at = 0;
	const char *newline;

	buf_put(line, data, len);
	while (at < line->len &&
		(newline = memchr(line->data + at, '\n', line->len - at))) {
		put_line(state, codec, line->data + at,
			(size_t)(newline - (line->data + at)), out);
		at = (size_t)(newline - line->data) + 1;
	}
	buf_consume(line, at);
	if (line->failed || line->len > LINE_BYTES_MAX || !line->len)
		buf_done(line);
}
