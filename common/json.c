/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"

#include "common/str.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define CHUNK_SIZE 32768

/* Memory that is only freed whole. */
struct chunk {
	struct chunk *next;
	size_t used, room;
	max_align_t data[];
};

struct json_doc {
	struct chunk *chunks;
	struct json *root;
};

struct level {
	struct json *parent;
	struct json *last;
};

struct parser {
	struct json_doc *doc;
	struct level levels[JSON_DEPTH_MAX];
	size_t depth;
	size_t nodes;
	const char *key;    /* of the member whose value comes next */
	const char *reason; /* why a callback stopped the parser */
	bool is_oom;
};

/* `align`: a power of two, up to that of a chunk. */
static void *doc_alloc(struct json_doc *doc, size_t size, size_t align)
{
	struct chunk *chunk = doc->chunks;
	size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	size_t at = chunk ? (chunk->used + align - 1) & ~(align - 1) : 0;

	if (!chunk || at > chunk->room || chunk->room - at < size) {
		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->next = doc->chunks;
		chunk->room = room;
		doc->chunks = chunk;
		at = 0;
	}
	chunk->used = at + size;
	return (char *)chunk->data + at;
}

static int stop(struct parser *p, const char *reason)
{
	p->reason = reason;
	return 0;
}

static int stop_oom(struct parser *p)
{
	p->is_oom = true;
	return 0;
}

static const char *copy_text(struct parser *p, const unsigned char *text, size_t len)
{
	char *copy = doc_alloc(p->doc, len + 1, 1);

	if (!copy) {
		p->is_oom = true;
		return NULL;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = s[i++];
		size_t more = c < 0x80	 ? 0
			      : c < 0xc2 ? 4
			      : c < 0xe0 ? 1
			      : c < 0xf0 ? 2
					 : 3;
		unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

		if (c > 0xf4 || more > 3 || more > len - i)
			return false;
		for (; more; more--, low = 0x80, high = 0xbf) {
			if (s[i] < low || s[i] > high)
				return false;
			i++;
		}
	}
	return true;
}

static struct json *add_node(struct parser *p, enum json_type type)
{
	struct level *level = p->depth ? &p->levels[p->depth - 1] : NULL;
	struct json *node;

	if (++p->nodes > JSON_NODES_MAX) {
		(void)stop(p, "too many values");
		return NULL;
	}
	node = doc_alloc(p->doc, sizeof(*node), _Alignof(struct json));
	if (!node) {
		p->is_oom = true;
		return NULL;
	}
	*node = (struct json){ .type = type, .key = p->key };
	p->key = NULL;
	if (!level)
		p->doc->root = node;
	else if (level->last)
		level->last->next = node;
	else
		level->parent->first = node;
	if (level)
		level->last = node;
	return node;
}

static int add_text(
	struct parser *p, enum json_type type, const unsigned char *text, size_t len)
{
	struct json *node = add_node(p, type);

	if (!node)
		return 0;
	node->len = len;
	node->string = copy_text(p, text, len);
	return node->string != NULL;
}

static int on_null(void *ctx)
{
	return add_node(ctx, JSON_NULL) != NULL;
}

static int on_bool(void *ctx, int value)
{
	struct json *node = add_node(ctx, JSON_BOOL);

	if (node)
		node->is_true = value;
	return node != NULL;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	return add_text(ctx, JSON_NUMBER, (const unsigned char *)text, len);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	if (!is_utf8(text, len))
		return stop(ctx, "a string is not valid UTF-8");
	return add_text(ctx, JSON_STRING, text, len);
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;

	if (!is_utf8(text, len) || memchr(text, '\0', len))
		return stop(p, "a member's name is not valid UTF-8 text");
	p->key = copy_text(p, text, len);
	return p->key != NULL;
}

static int open_level(struct parser *p, enum json_type type)
{
	struct json *node;

	if (p->depth == JSON_DEPTH_MAX)
		return stop(p, "nested too deeply");
	node = add_node(p, type);
	if (!node)
		return 0;
	p->levels[p->depth++] = (struct level){ .parent = node };
	return 1;
}

static int on_array(void *ctx)
{
	return open_level(ctx, JSON_ARRAY);
}

static int on_object(void *ctx)
{
	return open_level(ctx, JSON_OBJECT);
}

static int on_array_end(void *ctx)
{
	((struct parser *)ctx)->depth--;
	return 1;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_many_keys(struct parser *p, const struct json *object, size_t count)
{
	const char **keys = malloc(count * sizeof(*keys));
	bool is_twice = false;
	size_t n = 0;

	if (!keys)
		return stop_oom(p);
	json_each (member, object)
		keys[n++] = member->key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (n = 1; n < count; n++)
		is_twice |= str_eq(keys[n - 1], keys[n]);
	free(keys);
	return is_twice ? stop(p, "a member is given twice") : 1;
}

static int on_object_end(void *ctx)
{
	struct parser *p = ctx;
	const struct json *object = p->levels[--p->depth].parent;
	size_t count = 0;

	json_each (member, object)
		count++;
	if (count > 12)
		return check_many_keys(p, object, count);
	json_each (a, object) {
		for (const struct json *b = a->next; b; b = b->next) {
			if (str_eq(a->key, b->key))
				return stop(p, "a member is given twice");
		}
	}
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_array_end,
};

static int hex4(const char *s)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = s[i] ? strchr(digits, s[i] | 0x20) : NULL;

		if (!at)
			return -1;
		n = n << 4 | (int)(at - digits);
	}
	return n;
}

/* yajl turns a lone surrogate escape into "?"; such a document is refused instead. */
static bool has_lone_surrogate(const char *text, size_t len)
{
	const char *end = text + len;
	const char *at = text;
	int unit;

	while ((at = memchr(at, '\\', (size_t)(end - at)))) {
		if (end - at < 6 || at[1] != 'u' || (unit = hex4(at + 2)) < 0xd800 ||
			unit > 0xdfff) {
			at += end - at < 2 ? 1 : 2;
			continue;
		}
		if (unit > 0xdbff || end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
			(hex4(at + 8) & ~0x3ff) != 0xdc00)
			return true;
		at += 12;
	}
	return false;
}

static int syntax_error(yajl_handle handle, const struct parser *p, struct err *err)
{
	size_t at = yajl_get_bytes_consumed(handle);
	unsigned char *text;

	if (p->is_oom)
		return err_oom(err);
	if (p->reason)
		return err_say(
			err, EINVAL, "not usable JSON at byte %zu: %s", at, p->reason);
	text = yajl_get_error(handle, 0, NULL, 0);
	(void)err_say(err, EINVAL, "not valid JSON at byte %zu: %s", at,
		text ? (const char *)text : "parse error");
	if (text)
		yajl_free_error(handle, text);
	if (err) {
		char *newline = strchr(err->text, '\n');

		if (newline)
			*newline = '\0';
	}
	return -EINVAL;
}

int json_parse(const char *text, size_t len, struct json_doc **ret, struct err *err)
{
	struct parser p = { 0 };
	yajl_handle handle;
	yajl_status status;
	int r = 0;

	if (has_lone_surrogate(text, len))
		return err_say(
			err, EINVAL, "not usable JSON: a \\u escape is half a character");
	p.doc = calloc(1, sizeof(*p.doc));
	handle = p.doc ? yajl_alloc(&callbacks, NULL, &p) : NULL;
	if (!handle) {
		free(p.doc);
		return err_oom(err);
	}
	status = yajl_parse(handle, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (status != yajl_status_ok)
		r = syntax_error(handle, &p, err);
	yajl_free(handle);
	if (r < 0) {
		json_free(p.doc);
		return r;
	}
	*ret = p.doc;
	return 0;
}

const struct json *json_root(const struct json_doc *doc)
{
	return doc->root;
}

void json_free(struct json_doc *doc)
{
	struct chunk *next;

	if (!doc)
		return;
	for (struct chunk *c = doc->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(doc);
}

const struct json *json_get(const struct json *v, const char *key)
{
	if (!v || v->type != JSON_OBJECT)
		return NULL;
	json_each (member, v) {
		if (str_eq(member->key, key))
			return member;
	}
	return NULL;
}

size_t json_count(const struct json *v)
{
	size_t count = 0;

	json_each (child, v)
		count++;
	return count;
}

const char *json_get_string(const struct json *v, const char *key)
{
	const struct json *member = json_get(v, key);

	if (!member || member->type != JSON_STRING ||
		strlen(member->string) != member->len)
		return NULL;
	return member->string;
}
