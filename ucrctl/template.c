/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/template.h"

#include <errno.h>

#define PARTS_MAX 256
#define WORDS_MAX 16
#define BLANKS " \t"

void template_done(struct template *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->parts[i].literal);
		strv_free(t->parts[i].path);
	}
	free(t->parts);
	memset(t, 0, sizeof(*t));
}

static struct template_part *add_part(struct template *t)
{
	struct template_part *grown;

	if (t->count >= PARTS_MAX)
		return NULL;
	grown = realloc(t->parts, (t->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->parts = grown;
	memset(&grown[t->count], 0, sizeof(*grown));
	return &grown[t->count++];
}

static int say_too_long(struct err *err)
{
	return err_say(err, E2BIG, "more than %d parts", PARTS_MAX);
}

/* "\t" and "\n" as people type them in single quotes. */
static int add_literal(struct template *t, const char *text, size_t len, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct template_part *part;

	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? text[i + 1] : '\0';

		if (text[i] == '\\' && (next == 't' || next == 'n')) {
			buf_putc(&b, next == 't' ? '\t' : '\n');
			i++;
		} else {
			buf_putc(&b, text[i]);
		}
	}
	if (buf_finish(&b) < 0)
		return err_oom(err);
	part = add_part(t);
	if (!part)
		return say_too_long(err);
	part->literal = buf_take(&b);
	return 0;
}

/* Cuts "index .A.B \"k\"" into words; a quoted one keeps its quote as first character. */
static int cut_words(const char *text, size_t len, strv *ret)
{
	const char *end = text + len;

	while (text < end) {
		size_t n;
		int r;

		text += strspn(text, BLANKS);
		if (text >= end)
			break;
		n = *text == '"' ? 1 + strcspn(text + 1, "\"")
				 : strcspn(text, BLANKS "}");
		if (*text == '"' && text + n >= end)
			return -EINVAL;
		r = strv_take(ret, strndup(text, n));
		if (r < 0)
			return r;
		text += n + (*text == '"');
	}
	return strv_len(*ret) > WORDS_MAX ? -EINVAL : 0;
}

/* ".State.Pid" to its components; "." to none. */
static int add_path(const char *word, strv *path)
{
	int r;

	if (*word != '.')
		return -EINVAL;
	if (str_eq(word, "."))
		return 0;
	while (*word == '.') {
		size_t n = strcspn(++word, ".");

		if (!n)
			return -EINVAL;
		r = strv_take(path, strndup(word, n));
		if (r < 0)
			return r;
		word += n;
	}
	return *word ? -EINVAL : 0;
}

/* The keys after `index .X`: quoted strings or numbers. */
static int add_keys(char *const *words, strv *path)
{
	uint64_t n;
	int r;

	strv_each (word, words) {
		const char *key = **word == '"' ? *word + 1 : *word;

		if (key == *word && str_to_u64(key, &n) < 0)
			return -EINVAL;
		r = strv_add(path, key);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_action(char *const *words, struct template_part *part)
{
	size_t n = strv_len(words);
	int r;

	if (n == 1)
		return add_path(words[0], &part->path);
	if (n == 2 && str_eq(words[0], "json")) {
		part->is_json = true;
		return add_path(words[1], &part->path);
	}
	if (n >= 3 && str_eq(words[0], "index")) {
		r = add_path(words[1], &part->path);
		return r < 0 ? r : add_keys(words + 2, &part->path);
	}
	return -EINVAL;
}

static int add_action(struct template *t, const char *text, size_t len, struct err *err)
{
	struct template_part *part = add_part(t);
	cleanup_strv strv words = NULL;
	int r;

	if (!part)
		return say_too_long(err);
	r = cut_words(text, len, &words);
	if (r == 0)
		r = read_action(words, part);
	if (r == -ENOMEM)
		return err_oom(err);
	if (r < 0) {
		(void)err_say(err, EINVAL, "{{%.*s}} is not understood",
			(int)(len < 80 ? len : 80), text);
		return err_hint(err, "{{.Field}}, {{json .}}, {{json .Field}} and "
				     "{{index .Field \"key\"}} are; for more use "
				     "\"--format json\" and jq");
	}
	return 0;
}

int template_parse(const char *text, struct template *ret, struct err *err)
{
	cleanup_template struct template t = { 0 };
	int r;

	while (*text) {
		const char *open = strstr(text, "{{");
		const char *close = open ? strstr(open, "}}") : NULL;
		size_t before = open ? (size_t)(open - text) : strlen(text);

		if (open && !close)
			return err_say(err, EINVAL, "\"{{\" without \"}}\"");
		r = before ? add_literal(&t, text, before, err) : 0;
		if (r == 0 && open)
			r = add_action(&t, open + 2, (size_t)(close - open) - 2, err);
		if (r < 0)
			return r;
		text = close ? close + 2 : text + before;
	}
	*ret = t;
	memset(&t, 0, sizeof(t));
	return 0;
}

int template_apply(const struct template *t, template_fn fn, void *arg, struct buf *out,
	struct err *err)
{
	int r;

	for (size_t i = 0; i < t->count; i++) {
		if (t->parts[i].literal) {
			buf_puts(out, t->parts[i].literal);
			continue;
		}
		r = fn(&t->parts[i], arg, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

char *template_path(const struct template_part *part)
{
	cleanup_buf struct buf b = BUF_INIT;

	strv_each (key, part->path)
		buf_printf(&b, ".%s", *key);
	if (!part->path)
		buf_putc(&b, '.');
	return buf_take(&b);
}
