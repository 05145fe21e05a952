/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/engine.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "images/credentials.h"
#include "images/fetcher.h"
#include "ucrctl/ctl.h"
#include "ucrctl/registry-options.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>

#define PASSWORD_MAX 65536
#define DEFAULT_HOST "docker.io"

struct login_options {
	const char *username, *password;
	bool is_password_stdin;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "username", 'u', .arg = "USER", .set = option_string,
		.offset = offsetof(struct login_options, username),
		.help = "Who logs in" },
	{ "password", 'p', .arg = "PASSWORD", .set = option_string,
		.offset = offsetof(struct login_options, password),
		.help = "The password; other users of this host can see the arguments of programs, "
			"so prefer --password-stdin" },
	{ "password-stdin", .set = option_bool,
		.offset = offsetof(struct login_options, is_password_stdin),
		.help = "Read the password from standard input" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ registry_option_table, offsetof(struct login_options, registry), "Registries" },
	{ 0 },
};

static int read_line(struct buf *line, struct err *err)
{
	char c;
	ssize_t n;

	while ((n = read(STDIN_FILENO, &c, 1)) > 0 && c != '\n') {
		if (c != '\r')
			buf_putc(line, c);
		if (line->len > PASSWORD_MAX)
			return err_say(
				err, EMSGSIZE, "login: what was typed is too long");
	}
	if (n < 0)
		return err_set(err, errno, "login: read standard input");
	return buf_finish(line) < 0 ? err_oom(err) : 0;
}

static int ask(const char *question, bool is_secret, struct buf *answer, struct err *err)
{
	struct termios before, silent;
	int r;

	if (!isatty(STDIN_FILENO))
		return err_say(err, EINVAL,
			"login: give --username, and --password-stdin: standard input is no terminal");
	(void)!fd_write_all(STDERR_FILENO, question, strlen(question));
	if (is_secret && tcgetattr(STDIN_FILENO, &before) == 0) {
		silent = before;
		silent.c_lflag &= (tcflag_t)~ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	r = read_line(answer, err);
	if (is_secret) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		(void)!fd_write_all(STDERR_FILENO, "\n", 1);
	}
	return r;
}

static int get_password(
	const struct login_options *o, struct buf *password, struct err *err)
{
	if (o->password && o->is_password_stdin)
		return err_say(err, EINVAL,
			"login: give --password or --password-stdin, not both");
	if (o->is_password_stdin)
		return read_line(password, err);
	if (!o->password)
		return ask("Password: ", true, password, err);
	buf_puts(password, o->password);
	return buf_finish(password) < 0 ? err_oom(err) : 0;
}

static int check(struct ctl *ctl, const struct login_options *o, const char *host,
	const char *pair, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	cleanup_access struct registry_access access = { 0 };
	struct engine *engine;
	int r;

	r = ctl_engine(ctl, &engine, err);
	if (r == 0)
		r = registry_setup_make(&o->registry, &setup, err);
	if (r == 0)
		r = registries_load(&setup.pull.registries, host, &access, err);
	if (r == 0)
		r = credentials_use(pair, &access, err);
	if (r == 0)
		r = fetch_check_login(engine_libexec_path(engine), &access, err);
	return r < 0 ? err_wrap(err, "login to %s", host) : 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_buf struct buf username = BUF_INIT, password = BUF_INIT;
	cleanup_free char *file = NULL, *pair = NULL;
	const struct login_options *o = opts;
	const char *host = args[0] ? args[0] : DEFAULT_HOST;
	struct ctl *ctl = context;
	int r = 0;

	if (o->username)
		buf_puts(&username, o->username);
	else
		r = ask("Username: ", false, &username, err);
	if (r == 0)
		r = buf_finish(&username) < 0 ? err_oom(err)
					      : get_password(o, &password, err);
	if (r < 0)
		return r;
	pair = str_printf("%s:%s", username.data, password.data);
	if (!pair)
		return err_oom(err);
	r = check(ctl, o, host, pair, err);
	if (r == 0)
		r = registry_login_file(&o->registry, &file, err);
	if (r == 0)
		r = credentials_store(file, host, username.data, password.data, err);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(password.data, password.len);
	if (r < 0)
		return r;
	buf_printf(&ctl->out, "Login Succeeded\n");
	return 0;
}

const struct verb_spec verb_login = {
	.name = "login",
	.section = SECTION_IMAGES,
	.summary = "Log in to a registry",
	.text = "The registry is asked whether it takes the user and password; then they are kept "
		"in docker's config.json, or by the credential helper that it names. HOST is "
		"docker.io unless it is given.",
	.args = "[HOST[:PORT]]",
	.args_max = 1,
	.groups = groups,
	.options_size = sizeof(struct login_options),
	.run = run,
};
