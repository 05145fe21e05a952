/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/image-change.h"

#include "common/signal-name.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define SHELL "/bin/sh"
#define PORT_MAX 65535

/* ---- words ---- */

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\n");
}

/* The next word without its quotes and backslashes. NULL, and 0, at the end. */
static int next_word(const char **text, char **ret, struct err *err)
{
	cleanup_buf struct buf word = BUF_INIT;
	const char *s = skip_blanks(*text);
	char quote = 0;

	*ret = NULL;
	if (!*s)
		return 0;
	for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
		if (*s == quote) {
			quote = 0;
		} else if (!quote && (*s == '"' || *s == '\'')) {
			quote = *s;
		} else {
			if (*s == '\\' && s[1] && quote != '\'')
				s++;
			buf_putc(&word, *s);
		}
	}
	if (quote)
		return err_say(err, EINVAL, "a quotation mark (%c) is not closed", quote);
	*text = s;
	if (buf_finish(&word) < 0)
		return err_oom(err);
	*ret = buf_take(&word);
	return *ret ? 0 : err_oom(err);
}

static int split_words(const char *text, strv *ret, struct err *err)
{
	cleanup_strv strv words = NULL;
	char *word;
	int r;

	for (;;) {
		r = next_word(&text, &word, err);
		if (r < 0)
			return r;
		if (!word)
			break;
		if (strv_take(&words, word) < 0)
			return err_oom(err);
	}
	*ret = take_ptr(words);
	return 0;
}

/* ["a", "b"] */
static int parse_array(const char *text, strv *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	r = json_parse(text, strlen(text), &doc, err);
	if (r == 0)
		r = json_strv(json_root(doc), ret, NULL, err);
	return r < 0 ? err_wrap(err, "the array") : 0;
}

/* ---- instructions ---- */

/* Anything but an array is for a shell. */
static int set_command(const char *text, void *out, struct err *err)
{
	cleanup_strv strv command = NULL;
	strv *ret = out;
	int r = 0;

	if (*text == '[')
		r = parse_array(text, &command, err);
	else if (strv_add(&command, SHELL) < 0 || strv_add(&command, "-c") < 0 ||
		 strv_add(&command, text) < 0)
		r = err_oom(err);
	if (r < 0)
		return r;
	strv_free(*ret);
	*ret = take_ptr(command);
	return 0;
}

static int set_text(const char *text, void *out, struct err *err)
{
	cleanup_strv strv words = NULL;
	int r;

	r = split_words(text, &words, err);
	if (r < 0)
		return r;
	if (strv_len(words) != 1)
		return err_say(err, EINVAL, "it takes one word");
	return str_set(out, words[0]) < 0 ? err_oom(err) : 0;
}

static int set_directory(const char *text, void *out, struct err *err)
{
	if (*text != '/' && *text != '"' && *text != '\'')
		return err_say(err, EINVAL, "the directory must begin with a slash");
	return set_text(text, out, err);
}

static int set_signal(const char *text, void *out, struct err *err)
{
	int signal, r = set_text(text, out, err);

	if (r == 0 && signal_parse(*(char **)out, &signal) < 0)
		return err_say(err, EINVAL, "there is no signal %s", *(char **)out);
	return r;
}

static int add_pair(const char *pair, strv *to, struct err *err)
{
	if (*pair == '=')
		return err_say(err, EINVAL, "a name is missing before the =");
	return strv_env_set(to, pair) < 0 ? err_oom(err) : 0;
}

/* NAME=VALUE..., or the older NAME VALUE of the rest of the line. */
static int add_pairs(const char *text, void *out, struct err *err)
{
	cleanup_strv strv words = NULL;
	cleanup_free char *pair = NULL;
	size_t name = strcspn(text, " \t=\"'");
	int r;

	if (text[name] == ' ' || text[name] == '\t') {
		pair = str_printf("%.*s=%s", (int)name, text, skip_blanks(text + name));
		return pair ? add_pair(pair, out, err) : err_oom(err);
	}
	r = split_words(text, &words, err);
	strv_each (word, words) {
		if (r == 0 && !strchr(*word, '='))
			r = err_say(err, EINVAL, "%.100s has no value: want NAME=VALUE",
				*word);
		if (r == 0)
			r = add_pair(*word, out, err);
	}
	return r;
}

static int add_once(const char *text, strv *to, struct err *err)
{
	strv_each (there, *to) {
		if (str_eq(*there, text))
			return 0;
	}
	return strv_add(to, text) < 0 ? err_oom(err) : 0;
}

static int add_volumes(const char *text, void *out, struct err *err)
{
	cleanup_strv strv paths = NULL;
	int r;

	r = *text == '[' ? parse_array(text, &paths, err)
			 : split_words(text, &paths, err);
	strv_each (path, paths) {
		if (r == 0 && **path != '/')
			r = err_say(
				err, EINVAL, "%.100s does not begin with a slash", *path);
		if (r == 0)
			r = add_once(*path, out, err);
	}
	return r;
}

static int add_port(const char *word, strv *to, struct err *err)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp", NULL };
	const char *slash = strchr(word, '/');
	cleanup_free char *digits =
		strndup(word, slash ? (size_t)(slash - word) : strlen(word));
	const char *protocol = slash ? slash + 1 : "tcp";
	cleanup_free char *port = NULL;
	uint32_t number = 0;
	bool is_known = false;

	port = digits ? str_printf("%s/%s", digits, protocol) : NULL;
	if (!port)
		return err_oom(err);
	for (const char *const *p = protocols; *p; p++)
		is_known = is_known || str_eq(*p, protocol);
	if (str_to_u32(digits, &number) < 0 || !number || number > PORT_MAX || !is_known)
		return err_say(err, EINVAL,
			"%.100s is no port: want NUMBER[/tcp|udp|sctp]", word);
	return add_once(port, to, err);
}

static int add_ports(const char *text, void *out, struct err *err)
{
	cleanup_strv strv words = NULL;
	int r;

	r = split_words(text, &words, err);
	strv_each (word, words) {
		if (r == 0)
			r = add_port(*word, out, err);
	}
	return r;
}

#define AT(member) offsetof(struct image_config, member)

static const struct instruction {
	const char *name;
	int (*set)(const char *text, void *out, struct err *err);
	size_t offset;
} instructions[] = {
	{ "CMD", set_command, AT(cmd) },
	{ "ENTRYPOINT", set_command, AT(entrypoint) },
	{ "ENV", add_pairs, AT(env) },
	{ "EXPOSE", add_ports, AT(exposed_ports) },
	{ "LABEL", add_pairs, AT(labels) },
	{ "STOPSIGNAL", set_signal, AT(stop_signal) },
	{ "USER", set_text, AT(user) },
	{ "VOLUME", add_volumes, AT(volumes) },
	{ "WORKDIR", set_directory, AT(working_dir) },
	{ 0 },
};

static const struct instruction *find_instruction(const char *text, size_t len)
{
	for (const struct instruction *i = instructions; i->name; i++) {
		if (strlen(i->name) == len && strncasecmp(i->name, text, len) == 0)
			return i;
	}
	return NULL;
}

int image_change(const char *text, struct image_config *config, struct err *err)
{
	const char *s = skip_blanks(text);
	size_t len = strcspn(s, " \t\n=");
	const struct instruction *i = find_instruction(s, len);
	int r;

	if (!i) {
		(void)err_say(err, EINVAL, "--change %.100s: nothing that can be changed",
			text);
		return err_hint(err,
			"CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and "
			"WORKDIR can, as in a Dockerfile");
	}
	s += len;
	s = skip_blanks(*s == '=' ? s + 1 : s);
	r = *s ? i->set(s, (char *)config + i->offset, err)
	       : err_say(err, EINVAL, "it takes a value");
	return r < 0 ? err_wrap(err, "--change %s", i->name) : 0;
}
