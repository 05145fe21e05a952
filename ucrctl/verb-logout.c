/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "images/credentials.h"
#include "ucrctl/ctl.h"
#include "ucrctl/registry-options.h"
#include "ucrctl/verbs.h"

#include <errno.h>

#define DEFAULT_HOST "docker.io"

struct logout_verb {
	bool is_all;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "all", 'a', .set = option_bool, .offset = offsetof(struct logout_verb, is_all),
		.help = "Forget every login of the file" },
	{ "authfile", .arg = "FILE", .set = option_string,
		.offset = offsetof(struct logout_verb, registry.authfile),
		.complete = COMPLETE_FILE,
		.help = "Where logins are kept (default: $REGISTRY_AUTH_FILE, else docker's "
			"config.json)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int logout_all(struct ctl *ctl, const char *file, struct err *err)
{
	int r = credentials_erase_all(file, err);

	if (r == CREDENTIALS_ABSENT)
		return err_say(err, ENOENT, "logout: %s knows no login", file);
	if (r == 0)
		buf_puts(&ctl->out, "Removed all logins\n");
	return r;
}

static int logout(struct ctl *ctl, const char *file, const char *host, struct err *err)
{
	int r = credentials_erase(file, host, err);

	if (r == CREDENTIALS_ABSENT)
		return err_say(
			err, ENOENT, "logout: %s knows no login to %.200s", file, host);
	if (r == 0)
		buf_printf(&ctl->out, "Removed the login to %s\n", host);
	return r;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const struct logout_verb *o = opts;
	cleanup_free char *file = NULL;
	int r;

	if (o->is_all && args[0])
		return err_say(err, EINVAL, "logout: give a host or --all");
	r = registry_login_file(&o->registry, &file, err);
	if (r < 0)
		return r;
	return o->is_all ? logout_all(context, file, err)
			 : logout(context, file, args[0] ? args[0] : DEFAULT_HOST, err);
}

const struct verb_spec verb_logout = {
	.name = "logout",
	.section = SECTION_IMAGES,
	.summary = "Forget the login to a registry",
	.text = "HOST is docker.io unless it is given.",
	.args = "[HOST[:PORT]]",
	.args_max = 1,
	.groups = groups,
	.options_size = sizeof(struct logout_verb),
	.run = run,
};
