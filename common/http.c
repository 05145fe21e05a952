/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http.h"

#include "common/str.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define LINE_MAX_BYTES 4096 /* of a chunk's size with its extension, or of a trailer */
#define TRAILERS_MAX HTTP_HEAD_MAX
#define CHUNK_DIGITS 15

/* ---- the head ---- */

/* What the headers say, before it is known what it means together. */
struct headers {
	bool has_length, is_chunked, closes, keeps;
	uint64_t length;
	char type[HTTP_TYPE_MAX];
};

static int refuse(struct err *err, const char *what)
{
	return err_say(err, EPROTO, "the answer is no HTTP that can be read: %s", what);
}

static int take_length(struct headers *h, const char *value, struct err *err)
{
	uint64_t length;

	if (str_to_u64(value, &length) < 0)
		return refuse(err, "its length is no number");
	if (h->has_length && h->length != length)
		return refuse(err, "it has two lengths");
	h->has_length = true;
	h->length = length;
	return 0;
}

static int take_encoding(struct headers *h, const char *value, struct err *err)
{
	if (h->is_chunked || strcasecmp(value, "chunked") != 0)
		return refuse(err, "its transfer encoding is not \"chunked\"");
	h->is_chunked = true;
	return 0;
}

static int take_connection(struct headers *h, const char *value, struct err *err)
{
	if (strcasecmp(value, "close") == 0)
		h->closes = true;
	else if (strcasecmp(value, "keep-alive") == 0)
		h->keeps = true;
	return 0;
}

static int take_type(struct headers *h, const char *value, struct err *err)
{
	size_t len = strcspn(value, "; \t");

	if (len >= sizeof(h->type))
		return refuse(err, "its media type is too long");
	for (size_t i = 0; i < len; i++)
		h->type[i] = (char)tolower((unsigned char)value[i]);
	h->type[len] = '\0';
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct headers *h, const char *value, struct err *err);
} known[] = {
	{ "content-length", take_length },
	{ "transfer-encoding", take_encoding },
	{ "connection", take_connection },
	{ "content-type", take_type },
};

/* `line` is a string of its own, without its end. */
static int take_header(struct headers *h, char *line, struct err *err)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
		return refuse(err, "a header has no name");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(known[i].name, line) == 0)
			return known[i].take(h, value, err);
	}
	return 0;
}

/* "HTTP/1.1 200 OK" */
static int take_status(const char *line, struct http_head *ret, struct err *err)
{
	const char *rest = str_skip_prefix(line, "HTTP/1.");

	if (!rest || (*rest != '0' && *rest != '1') || rest[1] != ' ' || rest[2] < '1' ||
		rest[2] > '5' || !isdigit((unsigned char)rest[3]) ||
		!isdigit((unsigned char)rest[4]) || (rest[5] && rest[5] != ' '))
		return refuse(err, "it does not begin with a status");
	ret->is_last = *rest == '0';
	ret->status = (unsigned int)((rest[2] - '0') * 100 + (rest[3] - '0') * 10 +
				     (rest[4] - '0'));
	return 0;
}

static int conclude(const struct headers *h, struct http_head *ret, struct err *err)
{
	if (h->has_length && h->is_chunked)
		return refuse(err, "it has a length and is chunked");
	if (ret->status < 200 || ret->status == 204 || ret->status == 304)
		ret->kind = HTTP_BODY_NONE;
	else if (h->is_chunked)
		ret->kind = HTTP_BODY_CHUNKED;
	else
		ret->kind = h->has_length ? HTTP_BODY_LENGTH : HTTP_BODY_TO_END;
	ret->length = h->length;
	ret->is_last =
		h->closes || (ret->is_last && !h->keeps) || ret->kind == HTTP_BODY_TO_END;
	memcpy(ret->type, h->type, sizeof(ret->type));
	return 0;
}

/* The bytes up to and with the empty line; 0: it has not come. */
static size_t head_length(const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - data) + 4 : 0;
}

static int parse_lines(char *text, struct http_head *ret, struct err *err)
{
	struct headers headers = { 0 };
	char *line = text, *end = strstr(line, "\r\n");
	int r;

	*end = '\0';
	r = take_status(line, ret, err);
	for (line = end + 2; r == 0 && (end = strstr(line, "\r\n")) && end != line;
		line = end + 2) {
		*end = '\0';
		if (strpbrk(line, "\r\n"))
			r = refuse(err, "a line ends in an odd way");
		else
			r = take_header(&headers, line, err);
	}
	return r < 0 ? r : conclude(&headers, ret, err);
}

int http_head_parse(const char *data, size_t len, struct http_head *ret, size_t *ret_len,
	struct err *err)
{
	struct http_head head = { 0 };
	char text[HTTP_HEAD_MAX + 1];
	size_t size = head_length(data, len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX);
	int r;

	if (!size)
		return len < HTTP_HEAD_MAX ? 0 : refuse(err, "its head has no end");
	if (memchr(data, '\0', size))
		return refuse(err, "a header has a NUL");
	memcpy(text, data, size);
	text[size] = '\0';
	r = parse_lines(text, &head, err);
	if (r < 0)
		return r;
	*ret = head;
	*ret_len = size;
	return 1;
}

/* ---- the body ---- */

/* Where a chunked body is. */
enum { AT_SIZE, AT_DATA, AT_DATA_END, AT_TRAILER, AT_END };

void http_body_begin(struct http_body *body, const struct http_head *head)
{
	*body = (struct http_body){
		.kind = head->kind,
		.left = head->kind == HTTP_BODY_LENGTH ? head->length : 0,
	};
}

bool http_body_may_end(const struct http_body *body)
{
	return body->kind == HTTP_BODY_NONE || body->kind == HTTP_BODY_TO_END ||
	       (body->kind == HTTP_BODY_LENGTH && !body->left) ||
	       (body->kind == HTTP_BODY_CHUNKED && body->state == AT_END);
}

/* The digits are counted by `line`; what follows a ";" is not looked at. */
static int take_size(struct http_body *body, char c, struct err *err)
{
	bool is_past = body->line > CHUNK_DIGITS;
	const char *digits = "0123456789abcdef", *digit;

	if (c == '\n') {
		if (!body->line)
			return refuse(err, "a chunk has no size");
		body->state = body->left ? AT_DATA : AT_TRAILER;
		body->line = 0;
		return 0;
	}
	digit = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	if (!is_past && digit && body->line < CHUNK_DIGITS) {
		body->left = body->left * 16 + (uint64_t)(digit - digits);
		body->line++;
		return 0;
	}
	if (!body->line || (!is_past && c != '\r' && c != ';' && c != ' '))
		return refuse(err, "a chunk has no size");
	/* From here on no digit counts. */
	body->line = is_past ? body->line + 1 : CHUNK_DIGITS + 1;
	return body->line > LINE_MAX_BYTES ? refuse(err, "a chunk has no size") : 0;
}

static int take_data_end(struct http_body *body, char c, struct err *err)
{
	if (c == '\r' && !body->line) {
		body->line = 1;
		return 0;
	}
	if (c != '\n')
		return refuse(err, "a chunk is longer than its size");
	body->state = AT_SIZE;
	body->line = 0;
	return 0;
}

/* Lines up to an empty one. `left` counts all bytes, `line` those of a line. */
static int take_trailer(struct http_body *body, char c, struct err *err)
{
	if (++body->left > TRAILERS_MAX)
		return refuse(err, "what follows its body has no end");
	if (c == '\n' && !body->line) {
		body->state = AT_END;
		return 1;
	}
	if (c == '\n')
		body->line = 0;
	else if (c != '\r')
		body->line++;
	return 0;
}

static int take_line_byte(struct http_body *body, char c, struct err *err)
{
	static int (*const takes[])(struct http_body *, char, struct err *) = {
		[AT_SIZE] = take_size,
		[AT_DATA_END] = take_data_end,
		[AT_TRAILER] = take_trailer,
	};

	return takes[body->state](body, c, err);
}

static size_t take_piece(struct http_body *body, size_t len)
{
	size_t piece = body->left < len ? (size_t)body->left : len;

	body->left -= piece;
	return piece;
}

static int take_chunked(struct http_body *body, const char *data, size_t len,
	size_t *ret_used, const char **ret_data, size_t *ret_len, struct err *err)
{
	size_t used = 0;
	int r = body->state == AT_END;

	while (r == 0 && used < len && body->state != AT_DATA)
		r = take_line_byte(body, data[used++], err);
	*ret_data = data + used;
	*ret_len = 0;
	if (r == 0 && body->state == AT_DATA) {
		*ret_len = take_piece(body, len - used);
		used += *ret_len;
		if (!body->left)
			body->state = AT_DATA_END;
	}
	*ret_used = used;
	return r;
}

int http_body_take(struct http_body *body, const char *data, size_t len, size_t *ret_used,
	const char **ret_data, size_t *ret_len, struct err *err)
{
	if (body->kind == HTTP_BODY_CHUNKED)
		return take_chunked(body, data, len, ret_used, ret_data, ret_len, err);
	*ret_data = data;
	*ret_len = body->kind == HTTP_BODY_TO_END ? len : take_piece(body, len);
	*ret_used = *ret_len;
	return body->kind != HTTP_BODY_TO_END && !body->left;
}
