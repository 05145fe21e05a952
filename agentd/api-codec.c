/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-stream.h"

#include "agentd/recordio.h"
#include "common/cleanup.h"
#include "common/json.h"

#include <nettle/base64.h>
#include <string.h>

#define DOCKER_HEAD 8
#define RECORD_BYTES 8192 /* of output in one record */
#define LINE_BYTES_MAX 131072

void api_codec_state_done(struct api_codec_state *state)
{
	buf_done(&state->line);
}

static bool is_wanted(const struct api_codec_state *state, enum api_piece piece)
{
	return (piece == API_STDOUT && state->has_stdout) ||
	       (piece == API_STDERR && state->has_stderr);
}

static void put_raw(struct api_codec_state *state, enum api_piece piece, const char *data,
	size_t len, struct buf *out)
{
	if (is_wanted(state, piece))
		buf_put(out, data, len);
}

const struct api_codec api_codec_raw = {
	.type = "application/octet-stream",
	.put = put_raw,
};

const struct api_codec api_codec_text = {
	.type = "text/plain; charset=utf-8",
	.put = put_raw,
};

static void put_docker(struct api_codec_state *state, enum api_piece piece,
	const char *data, size_t len, struct buf *out)
{
	const unsigned char head[DOCKER_HEAD] = { piece == API_STDERR ? 2 : 1, 0, 0, 0,
		(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	if (!is_wanted(state, piece))
		return;
	buf_put(out, head, sizeof(head));
	buf_put(out, data, len);
}

const struct api_codec api_codec_docker = {
	.type = "application/vnd.docker.multiplexed-stream",
	.put = put_docker,
};

/* ---- Mesos: mesos.v1.agent.ProcessIO ---- */

static void put_record(struct buf *out, struct buf *record)
{
	if (buf_finish(record) < 0) {
		out->failed = true;
		return;
	}
	recordio_write_head(out, record->len);
	buf_put(out, record->data, record->len);
}

static void put_output(
	enum api_piece piece, const char *data, size_t len, struct buf *out)
{
	cleanup_buf struct buf record = BUF_INIT;
	struct json_writer w = JSON_WRITER(&record);
	char text[BASE64_ENCODE_RAW_LENGTH(RECORD_BYTES)];

	base64_encode_raw(text, len, (const uint8_t *)data);
	jw_object(&w, NULL);
	jw_string(&w, "type", "DATA");
	jw_object(&w, "data");
	jw_string(&w, "type", piece == API_STDERR ? "STDERR" : "STDOUT");
	jw_string_len(&w, "data", text, BASE64_ENCODE_RAW_LENGTH(len));
	jw_object_end(&w);
	jw_object_end(&w);
	put_record(out, &record);
}

static void put_heartbeat(struct buf *out)
{
	cleanup_buf struct buf record = BUF_INIT;

	buf_printf(&record,
		"{\"type\":\"CONTROL\",\"control\":{\"type\":\"HEARTBEAT\",\"heartbeat\":{"
		"\"interval\":{\"nanoseconds\":%llu}}}}",
		API_TICK_MS * 1000000ULL);
	put_record(out, &record);
}

static void put_process_io(struct api_codec_state *state, enum api_piece piece,
	const char *data, size_t len, struct buf *out)
{
	if (piece == API_TICK)
		put_heartbeat(out);
	if (!is_wanted(state, piece))
		return;
	for (size_t n; len > 0; data += n, len -= n) {
		n = len < RECORD_BYTES ? len : RECORD_BYTES;
		put_output(piece, data, n, out);
	}
}

const struct api_codec api_codec_process_io = {
	.type = "application/recordio",
	.message = "application/json",
	.has_ticks = true,
	.put = put_process_io,
};

/* ---- server-sent events ---- */

static void put_event(const char *line, size_t len, struct buf *out)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *seq;

	if (json_parse(line, len, &doc, NULL) < 0)
		return;
	seq = json_get(json_root(doc), "seq");
	if (seq && seq->type == JSON_NUMBER)
		buf_printf(out, "id: %s\n", seq->string);
	buf_puts(out, "data: ");
	buf_put(out, line, len);
	buf_puts(out, "\n\n");
}

/* A comment tells whoever waits that the connection lives. */
static void put_sse(struct api_codec_state *state, enum api_piece piece, const char *data,
	size_t len, struct buf *out)
{
	const char *newline;

	if (piece == API_TICK)
		buf_puts(out, ":\n\n");
	if (!is_wanted(state, piece))
		return;
	buf_put(&state->line, data, len);
	while (state->line.len &&
		(newline = memchr(state->line.data, '\n', state->line.len))) {
		len = (size_t)(newline - state->line.data);
		put_event(state->line.data, len, out);
		buf_consume(&state->line, len + 1);
	}
	if (state->line.failed || state->line.len > LINE_BYTES_MAX)
		buf_reset(&state->line);
	if (!state->line.len)
		buf_done(&state->line);
}

const struct api_codec api_codec_sse = {
	.type = "text/event-stream",
	.has_ticks = true,
	.put = put_sse,
};
