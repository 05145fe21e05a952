/* SPDX-License-Identifier: Apache-2.0 */
#include "images/aci-discovery.h"

#include "common/buf.h"

#include <ctype.h>
#include <errno.h>

#define URL_MAX 2048
#define SPACE " \t\r\n\f"

/* ---- the page ---- */

struct attribute {
	const char *name, *value;
	size_t name_len, value_len;
};

static bool is_word(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(at, word, len) == 0;
}

/* The attribute at `at` of a tag that ends at `end`; NULL behind the last one. */
static const char *next_attribute(const char *at, const char *end, struct attribute *ret)
{
	char quote;

	at += strspn(at, SPACE "/");
	if (at >= end)
		return NULL;
	ret->name = at;
	ret->name_len = strcspn(at, SPACE "=/>");
	at += ret->name_len;
	at += strspn(at, SPACE);
	ret->value = at;
	ret->value_len = 0;
	if (*at != '=')
		return at > ret->name ? at : at + 1;
	at++;
	at += strspn(at, SPACE);
	quote = *at == '"' || *at == '\'' ? *at++ : '\0';
	ret->value = at;
	ret->value_len =
		quote ? (size_t)(strchrnul(at, quote) - at) : strcspn(at, SPACE ">");
	at += ret->value_len;
	return at + (quote && *at);
}

/* Where a tag ends: at the '>' outside of quotes. */
static const char *tag_end(const char *at)
{
	for (; *at && *at != '>'; at++) {
		if (*at == '"' || *at == '\'')
			at = strchrnul(at + 1, *at);
		if (!*at)
			break;
	}
	return at;
}

static char *unescape(const char *text, size_t len)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = { { "&amp;", '&' }, { "&quot;", '"' }, { "&#39;", '\'' },
		{ "&lt;", '<' }, { "&gt;", '>' } };
	char *copy = strndup(text, len), *to = copy;

	for (const char *from = copy; from && *from;) {
		size_t step = 1;
		char c = *from;

		for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
			if (str_skip_prefix(from, entities[i].entity)) {
				step = strlen(entities[i].entity);
				c = entities[i].c;
			}
		}
		*to++ = c;
		from += step;
	}
	if (to)
		*to = '\0';
	return copy;
}

/* The content of <meta name="ac-discovery" …>, NULL when it is another tag. */
static int read_meta(const char *at, const char *end, char **ret)
{
	struct attribute a, content = { 0 };
	bool is_discovery = false;

	*ret = NULL;
	while ((at = next_attribute(at, end, &a))) {
		if (is_word(a.name, a.name_len, "name"))
			is_discovery = is_word(a.value, a.value_len, "ac-discovery");
		else if (is_word(a.name, a.name_len, "content"))
			content = a;
	}
	if (!is_discovery || !content.value)
		return 0;
	*ret = unescape(content.value, content.value_len);
	return *ret ? 0 : -ENOMEM;
}

/* The contents of the metas of the head, in order. What comes after it may be anybody's. */
static int list_metas(const char *page, strv *ret)
{
	int r = 0;

	for (const char *at = strchr(page, '<'); r == 0 && at; at = strchr(at, '<')) {
		const char *tag = at + 1, *end;
		size_t len = strcspn(tag, SPACE "/>");
		char *content = NULL;

		if (str_skip_prefix(at, "<!--")) {
			at = strstr(at, "-->");
			if (!at)
				break;
			continue;
		}
		if (is_word(tag, len, "body") || str_skip_prefix(tag, "/head"))
			break;
		end = tag_end(tag);
		if (is_word(tag, len, "meta"))
			r = read_meta(tag + len, end, &content);
		if (r == 0 && content)
			r = strv_take(ret, content);
		if (strv_len(*ret) >= ACI_TEMPLATES_MAX)
			break;
		at = end;
	}
	return r;
}

/* ---- templates ---- */

/* `name` itself or a part of it before a slash. */
static bool has_prefix(const char *name, const char *prefix, size_t len)
{
	return strncmp(name, prefix, len) == 0 && (!name[len] || name[len] == '/');
}

/* What stands for {key}; NULL: nothing. */
static const char *value_of(const char *key, const char *name, char *const *labels,
	const char *ext, size_t *used)
{
	const char *value;

	if (str_eq(key, "name"))
		return name;
	if (str_eq(key, "ext"))
		return ext;
	value = strv_env_get(labels, key);
	*used += value != NULL;
	return value;
}

/* 1 and the URL, 0 when a label of the template is not known. */
static int render(const char *template, const char *name, char *const *labels,
	const char *ext, char **ret, size_t *ret_used)
{
	cleanup_buf struct buf b = BUF_INIT;
	char key[64];

	*ret_used = 0;
	for (const char *at = template; *at;) {
		size_t len = strcspn(at, "{"), key_len;
		const char *value;

		buf_put(&b, at, len);
		at += len;
		if (!*at)
			break;
		key_len = strcspn(++at, "}");
		if (!at[key_len] || !key_len || key_len >= sizeof(key))
			return 0;
		memcpy(key, at, key_len);
		key[key_len] = '\0';
		value = value_of(key, name, labels, ext, ret_used);
		if (!value)
			return 0;
		buf_puts(&b, value);
		at += key_len + 1;
	}
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	if (b.len > URL_MAX || !str_skip_prefix(b.data, "https://"))
		return 0;
	*ret = strdup(b.data);
	return *ret ? 1 : -ENOMEM;
}

int aci_discovery_urls(const char *page, const char *name, char *const *labels,
	const char *ext, strv *ret, struct err *err)
{
	cleanup_strv strv metas = NULL, urls = NULL;
	size_t best = 0;
	int r = list_metas(page, &metas);

	strv_each (content, metas) {
		const char *prefix = *content + strspn(*content, SPACE);
		size_t prefix_len = strcspn(prefix, SPACE), used = 0, len;
		cleanup_free char *template = NULL, *url = NULL;
		const char *rest = prefix + prefix_len;

		rest += strspn(rest, SPACE);
		len = strcspn(rest, SPACE);
		if (!prefix_len || !len || !has_prefix(name, prefix, prefix_len))
			continue;
		template = strndup(rest, len);
		r = template ? render(template, name, labels, ext, &url, &used) : -ENOMEM;
		if (r < 0)
			break;
		if (r == 0 || used < best)
			continue;
		if (used > best) {
			strv_free(take_ptr(urls));
			best = used;
		}
		r = strv_take(&urls, take_ptr(url));
		if (r < 0)
			break;
	}
	if (r < 0)
		return err_oom(err);
	*ret = take_ptr(urls);
	return 0;
}
