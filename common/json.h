/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in: a strict parser on yajl's callbacks, a tree in one arena, decode tables on
 * top. JSON out: by the same tables, or piece by piece (common/json-writer.h).
 *
 * The parser never recurses. It refuses: more than JSON_DEPTH_MAX levels, more than
 * JSON_NODES_MAX values, duplicate keys, invalid UTF-8, comments, anything after the
 * document. Numbers keep their text and are range-checked when they are read as a type.
 */
#ifndef UCR_COMMON_JSON_H
#define UCR_COMMON_JSON_H

#include "common/err.h"
#include "common/json-writer.h"

#define JSON_DEPTH_MAX 64
#define JSON_NODES_MAX 200000

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	const char *key; /* the member's name when the parent is an object, else NULL */
	const char
		*string; /* JSON_STRING: the text; JSON_NUMBER: its digits as written */
	size_t len;	 /* of string; larger than strlen() when it holds a NUL */
	struct json *first; /* the first element or member */
	struct json *next;  /* the following sibling */
	enum json_type type;
	bool is_true;
};

struct json_doc; /* owns every struct json below its root */

#define cleanup_json cleanup_with(json_free_ptr)
#define json_each(child, parent)                                                         \
	for (const struct json *child = (parent) ? (parent)->first : NULL; child;        \
		child = child->next)

/* Parses a whole document. The error names the byte offset and what was wrong there. */
int json_parse(const char *text, size_t len, struct json_doc **ret, struct err *err)
	__attribute__((warn_unused_result));
const struct json *json_root(const struct json_doc *doc);
void json_free(struct json_doc *doc);
static inline void json_free_ptr(struct json_doc **doc)
{
	json_free(*doc);
}

/* The member of an object, or NULL (also when `v` is NULL or no object). The string of a
 * member, or NULL when absent, no string, or with a NUL inside. */
const struct json *json_get(const struct json *v, const char *key);
const char *json_get_string(const struct json *v, const char *key);
size_t json_count(const struct json *v); /* of its members or elements */

/*
 * Decode tables. A field says which member goes where and how; unknown members are
 * ignored, JSON null counts as absent, a known one with a wrong type or range is an error
 * that names its path ("linux.resources.pids.limit"). Decoders own what they allocate in
 * *out; the caller frees `out` also after a failure.
 */
struct json_field {
	const char *key;
	int (*decode)(const struct json *v, void *out, const void *arg, struct err *err);
	size_t offset; /* of the destination in the struct */
	bool required;
	const void *arg; /* the decoder's: a nested table, an enum's names, … */
	/* How json_encode() writes it; NULL for the decoders below, which it knows. */
	void (*encode)(struct json_writer *w, const char *key, const void *in,
		const void *arg, bool required);
};

int json_decode(const struct json *v, const struct json_field *fields, void *out,
	struct err *err) __attribute__((warn_unused_result));
/* Writes the members of a struct by the same table; what is empty and not required is
 * left out. Stands between jw_object() and jw_object_end(). */
void json_encode(struct json_writer *w, const struct json_field *fields, const void *in);
/* Frees what json_decode() allocated in a struct and clears it; not the struct itself. */
void json_release(const struct json_field *fields, void *out);

/* Decoders for the usual destinations: char *, strv, bool and the numbers. */
int json_string(const struct json *v, void *out, const void *arg, struct err *err);
int json_strv(const struct json *v, void *out, const void *arg, struct err *err);
int json_bool(const struct json *v, void *out, const void *arg, struct err *err);
int json_u32(const struct json *v, void *out, const void *arg, struct err *err);
int json_i32(const struct json *v, void *out, const void *arg, struct err *err);
int json_u64(const struct json *v, void *out, const void *arg, struct err *err);
int json_i64(const struct json *v, void *out, const void *arg, struct err *err);
/* An object of strings, as a strv of "key=value". */
int json_string_map(const struct json *v, void *out, const void *arg, struct err *err);
/* arg: an array of json_field that ends with a NULL key; out: the nested struct itself. */
int json_object(const struct json *v, void *out, const void *arg, struct err *err);
/* As json_object, for a struct that begins with a bool: set when the object was there. */
int json_present(const struct json *v, void *out, const void *arg, struct err *err);

/* arg: struct json_array_of; out: a struct of an item pointer and a count. */
int json_array(const struct json *v, void *out, const void *arg, struct err *err);
/* The same from an object: the member's name goes to the char * that begins each item. */
int json_members(const struct json *v, void *out, const void *arg, struct err *err);

struct json_items {
	void *items;
	size_t count;
};

struct json_array_of {
	size_t item_size;
	const struct json_field *fields; /* when items are objects, else NULL and: */
	int (*decode)(const struct json *v, void *out, const void *arg, struct err *err);
};

#endif
