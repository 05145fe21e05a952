/* SPDX-License-Identifier: Apache-2.0 */
#include "common/settings.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/options-private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#define CONFIG_MAX (1U << 20)

struct loading {
	const struct settings_spec *spec;
	struct options_flat flat;
	strv words; /* the verb's name, then what the file and the environment say */
	char *config_path;
	struct json_doc *config;
};

static void loading_done(struct loading *l)
{
	strv_free(l->words);
	free(l->config_path);
	json_free(l->config);
}

void settings_done(struct settings *settings)
{
	strv_free(settings->words);
	settings->words = NULL;
}

/* ---- names ---- */

/* "work-dir": the same or "work_dir" in the file, "WORK_DIR" behind the prefix in the environment. */
static bool is_key(const char *key, const char *name)
{
	for (; *name && *key; name++, key++) {
		if (*key != *name && !(*name == '-' && *key == '_'))
			return false;
	}
	return !*name && !*key;
}

static bool is_variable(const char *key, size_t len, const char *name)
{
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (key[i] != (name[i] == '-' ? '_' : toupper((unsigned char)name[i])))
			return false;
	}
	return true;
}

/* The last row is --help, which is no setting. */
static const struct option_spec *find_key(
	const struct options_flat *flat, const char *key)
{
	for (size_t i = 0; i + 1 < flat->count; i++) {
		if (is_key(key, flat->rows[i].option->name))
			return flat->rows[i].option;
	}
	return NULL;
}

static const struct option_spec *find_variable(
	const struct options_flat *flat, const char *key, size_t len)
{
	for (size_t i = 0; i + 1 < flat->count; i++) {
		if (is_variable(key, len, flat->rows[i].option->name))
			return flat->rows[i].option;
	}
	return NULL;
}

static bool is_excluded(const struct settings_spec *spec, const char *name)
{
	for (const char *const *at = spec->not_in_file; at && *at; at++) {
		if (str_eq(*at, name))
			return true;
	}
	return false;
}

static bool is_given(char *const *words, const char *name)
{
	size_t len = strlen(name);

	strv_each (word, words) {
		const char *rest = str_skip_prefix(*word, "--");

		if (rest && !*rest)
			break;
		if (rest && strncmp(rest, name, len) == 0 && strchr("=", rest[len]))
			return true;
	}
	return false;
}

/* ---- one value ---- */

/* Checked by itself, so that the error names the place it comes from. */
static int check_word(const struct loading *l, char *word, struct err *err)
{
	const struct verb_spec *verb = l->spec->verb;
	char *argv[] = { (char *)(uintptr_t)verb->name, word, NULL };
	cleanup_free void *scratch = calloc(1, verb->options_size);
	char **args;
	int r;

	if (!scratch)
		return err_oom(err);
	r = options_parse(verb, 2, argv, scratch, &args, err);
	options_free(verb, scratch);
	return r;
}

static int add_word(struct loading *l, const struct option_spec *option,
	const char *value, const char *where, struct err *err)
{
	char *word = str_printf("--%s=%s", option->name, value);
	int r;

	if (strv_take(&l->words, word) < 0)
		return err_oom(err);
	r = check_word(l, word, err);
	return r < 0 ? err_wrap(err, "%s", where) : 0;
}

/* ---- the environment ---- */

static int take_variable(
	struct loading *l, char **argv, const char *assignment, struct err *err)
{
	const char *key = str_skip_prefix(assignment, l->spec->env_prefix);
	size_t len = key ? strcspn(key, "=") : 0;
	cleanup_free char *name = NULL;
	const struct option_spec *option;

	if (!key || !key[len])
		return 0;
	name = strndup(assignment, (size_t)(key - assignment) + len);
	if (!name)
		return err_oom(err);
	option = find_variable(&l->flat, key, len);
	if (!option)
		return err_say(err, EINVAL,
			"the environment has %.80s, which is no setting", name);
	if (is_given(argv, option->name))
		return 0;
	return add_word(l, option, key + len + 1, name, err);
}

static int take_environment(
	struct loading *l, char **argv, char *const *environment, struct err *err)
{
	int r = 0;

	strv_each (assignment, environment) {
		r = take_variable(l, argv, *assignment, err);
		if (r < 0)
			break;
	}
	return r;
}

/* ---- the file ---- */

static int take_object(struct loading *l, const struct option_spec *option,
	const struct json *value, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_json(&w, NULL, value);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	return add_word(l, option, b.data, l->config_path, err);
}

static int take_value(struct loading *l, const struct option_spec *option,
	const struct json *value, struct err *err)
{
	const char *text = value->string;

	if (value->type == JSON_BOOL)
		text = value->is_true ? "true" : "false";
	if (!text || (value->type == JSON_STRING && strlen(text) != value->len))
		return err_say(err, EINVAL,
			"%s: %s: want a string, a number, true or false%s",
			l->config_path, value->key ? value->key : option->name,
			option->set == option_strv ? ", or an array of them" : "");
	return add_word(l, option, text, l->config_path, err);
}

static int take_member(struct loading *l, char **argv, const strv from_environment,
	const struct json *member, struct err *err)
{
	const struct option_spec *option = find_key(&l->flat, member->key);
	const char *nearest;
	int r = 0;

	if (option && is_excluded(l->spec, option->name))
		return err_say(err, EINVAL, "%s: %s is not for a file", l->config_path,
			option->name);
	if (!option) {
		nearest = options_nearest(&l->flat, member->key);
		return err_say(err, EINVAL, "%s: %.80s is no setting%s%s%s",
			l->config_path, member->key, nearest ? " (did you mean " : "",
			nearest ? nearest : "", nearest ? "?)" : "");
	}
	if (member->type == JSON_NULL || is_given(argv, option->name) ||
		is_given(from_environment, option->name))
		return 0;
	if (member->type == JSON_OBJECT && option->set == option_json)
		return take_object(l, option, member, err);
	if (member->type != JSON_ARRAY || option->set != option_strv)
		return take_value(l, option, member, err);
	json_each (item, member) {
		if (r == 0)
			r = take_value(l, option, item, err);
	}
	return r;
}

static int read_config(struct loading *l, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(AT_FDCWD, l->config_path, CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read %s", l->config_path);
	r = json_parse(text, len, &l->config, err);
	if (r == 0 && json_root(l->config)->type != JSON_OBJECT)
		r = err_say(err, EINVAL, "want an object");
	return r < 0 ? err_wrap(err, "%s", l->config_path) : 0;
}

/* --config of the command line, else of the environment, else the file that may be there. */
static int find_config(struct loading *l, char **argv, struct err *err)
{
	const char *given = NULL;

	strv_each (word, l->words) {
		const char *path = str_skip_prefix(*word, "--config=");

		given = path ? path : given;
	}
	for (char **word = argv; *word && !str_eq(*word, "--"); word++) {
		const char *path = str_skip_prefix(*word, "--config=");

		if (str_eq(*word, "--config"))
			path = word[1];
		given = path ? path : given;
	}
	if (!given && (!l->spec->config_path || access(l->spec->config_path, F_OK) < 0))
		return 0;
	return str_set(&l->config_path, given ? given : l->spec->config_path) < 0
		       ? err_oom(err)
		       : 0;
}

static int take_config(struct loading *l, char **argv, struct err *err)
{
	cleanup_strv strv from_environment = NULL;
	int r;

	r = find_config(l, argv, err);
	if (r < 0 || !l->config_path)
		return r;
	if (strv_copy(l->words, &from_environment) < 0)
		return err_oom(err);
	r = read_config(l, err);
	if (r < 0)
		return r;
	json_each (member, json_root(l->config)) {
		if (r == 0)
			r = take_member(l, argv, from_environment, member, err);
	}
	return r;
}

/* ---- all of them ---- */

static int parse(struct loading *l, char **argv, void *out, struct err *err)
{
	char **args;

	for (char **word = argv + 1; *word; word++) {
		if (strv_add(&l->words, *word) < 0)
			return err_oom(err);
	}
	return options_parse(
		l->spec->verb, (int)strv_len(l->words), l->words, out, &args, err);
}

/* Whoever asks for help may have settings that are wrong. */
static bool wants_help(char **argv)
{
	for (char **word = argv + 1; *word && !str_eq(*word, "--"); word++) {
		if (str_eq(*word, "--help") || str_eq(*word, "-h"))
			return true;
	}
	return false;
}

int settings_load(const struct settings_spec *spec, int argc, char **argv,
	char *const *environment, void *out, struct settings *ret, struct err *err)
{
	cleanup_with(loading_done) struct loading l = { .spec = spec };
	int r;

	memset(out, 0, spec->verb->options_size);
	r = argc > 0 ? options_flatten(spec->verb->groups, &l.flat) : -EINVAL;
	if (r < 0)
		return err_set(err, -r, "options of %s", spec->verb->name);
	if (wants_help(argv))
		return OPTIONS_HELP;
	if (strv_add(&l.words, spec->verb->name) < 0)
		return err_oom(err);
	r = take_environment(&l, argv, environment, err);
	if (r == 0)
		r = take_config(&l, argv, err);
	if (r == 0)
		r = parse(&l, argv, out, err);
	if (r < 0)
		return r;
	ret->words = take_ptr(l.words);
	return r;
}
