/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/registry-options.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define CREDENTIALS_MAX 65536
#define REGISTRIES_VARIABLE "UCR_REGISTRIES"
#define AUTHFILE_VARIABLE "REGISTRY_AUTH_FILE"

#define AT(member) offsetof(struct registry_options, member)

const struct option_spec registry_option_table[] = {
	{ "creds", .arg = "USER:PASSWORD", .set = option_string,
		.offset = AT(credentials),
		.help = "Log in so this once; other users of this host can see the arguments of "
			"programs, so prefer --creds-file" },
	{ "creds-file", .arg = "FILE", .set = option_string,
		.offset = AT(credentials_file), .complete = COMPLETE_FILE,
		.help = "Log in this once with the USER:PASSWORD in FILE" },
	{ "authfile", .arg = "FILE", .set = option_string, .offset = AT(authfile),
		.complete = COMPLETE_FILE,
		.help = "Where logins are kept (default: $REGISTRY_AUTH_FILE, else podman's "
			"auth.json and docker's config.json)" },
	{ "registries", .arg = "FILE", .set = option_string, .offset = AT(registries),
		.complete = COMPLETE_FILE,
		.help = "Mirrors, certificates and proxies (default: $UCR_REGISTRIES, else "
			"ucr/registries.json in ~/.config and /etc)" },
	{ 0 },
};

void registry_setup_done(struct registry_setup *setup)
{
	strv_free(setup->config);
	strv_free(setup->certs);
	strv_free(setup->auth_files);
	if (setup->credentials)
		explicit_bzero(setup->credentials, strlen(setup->credentials));
	free(setup->credentials);
	*setup = (struct registry_setup){ 0 };
}

static const char *from_env(const char *name)
{
	const char *value = getenv(name);

	return str_empty(value) ? NULL : value;
}

/* A path in a directory that a variable names; or else at `fallback` in the home directory. */
struct place {
	const char *variable;
	const char *fallback; /* NULL: only with the variable */
	const char *path;
};

static const struct place config_places[] = {
	{ "XDG_CONFIG_HOME", "/.config", "/ucr/registries.json" },
	{ 0 },
};
static const struct place certs_places[] = {
	{ "XDG_CONFIG_HOME", "/.config", "/containers/certs.d" },
	{ 0 },
};
static const struct place auth_places[] = {
	{ "XDG_RUNTIME_DIR", NULL, "/containers/auth.json" },
	{ "DOCKER_CONFIG", "/.docker", "/config.json" },
	{ 0 },
};
static const struct place login_places[] = {
	{ "DOCKER_CONFIG", "/.docker", "/config.json" },
	{ 0 },
};

static int add_places(const struct place *places, strv *ret)
{
	const char *home = from_env("HOME");
	int r = 0;

	for (; r == 0 && places->path; places++) {
		const char *dir = from_env(places->variable);

		if (dir)
			r = strv_take(ret, str_printf("%s%s", dir, places->path));
		else if (home && places->fallback)
			r = strv_take(ret, str_printf("%s%s%s", home, places->fallback,
						   places->path));
	}
	return r;
}

static int find_files(const struct registry_options *o, struct registry_setup *setup)
{
	const char *registries =
		o->registries ? o->registries : from_env(REGISTRIES_VARIABLE);
	const char *authfile = o->authfile ? o->authfile : from_env(AUTHFILE_VARIABLE);
	int r;

	setup->pull.registries.is_config_required = registries != NULL;
	r = registries ? strv_add(&setup->config, registries)
		       : add_places(config_places, &setup->config);
	if (r == 0 && !registries)
		r = strv_add(&setup->config, REGISTRIES_CONFIG);
	if (r == 0)
		r = add_places(certs_places, &setup->certs);
	if (r == 0)
		r = registries_add_certs(&setup->certs);
	if (r == 0)
		r = authfile ? strv_add(&setup->auth_files, authfile)
			     : add_places(auth_places, &setup->auth_files);
	return r;
}

static int read_credentials(
	const struct registry_options *o, struct registry_setup *setup, struct err *err)
{
	size_t len;
	int r;

	if (o->credentials && o->credentials_file)
		return err_say(err, EINVAL, "--creds and --creds-file: give one of them");
	if (!o->credentials_file)
		return str_set(&setup->credentials, o->credentials) < 0 ? err_oom(err)
									: 0;
	r = fd_read_file(AT_FDCWD, o->credentials_file, CREDENTIALS_MAX,
		&setup->credentials, &len);
	if (r < 0)
		return err_set(err, -r, "--creds-file %s", o->credentials_file);
	setup->credentials[strcspn(setup->credentials, "\r\n")] = '\0';
	return 0;
}

int registry_setup_make(const struct registry_options *options,
	struct registry_setup *ret, struct err *err)
{
	static const struct registry_options none = { 0 };
	cleanup_registry_setup struct registry_setup setup = { 0 };
	int r;

	options = options ? options : &none;
	if (find_files(options, &setup) < 0)
		return err_oom(err);
	r = read_credentials(options, &setup, err);
	if (r < 0)
		return r;
	setup.pull.registries.config = setup.config;
	setup.pull.registries.certs = setup.certs;
	registries_find_proxies(&setup.pull.registries);
	setup.pull.auth_files = setup.auth_files;
	setup.pull.credentials = setup.credentials;
	*ret = setup;
	setup = (struct registry_setup){ 0 };
	return 0;
}

int registry_login_file(
	const struct registry_options *options, char **ret, struct err *err)
{
	const char *authfile =
		options->authfile ? options->authfile : from_env(AUTHFILE_VARIABLE);
	cleanup_strv strv places = NULL;

	if (!authfile && add_places(login_places, &places) < 0)
		return err_oom(err);
	if (!authfile && !places) {
		(void)err_say(
			err, ENOENT, "there is no place to keep logins: HOME is not set");
		return err_hint(err, "Name one with --authfile FILE.");
	}
	*ret = strdup(authfile ? authfile : places[0]);
	return *ret ? 0 : err_oom(err);
}
