/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "images/credentials.h"
#include "ucrctl/ctl.h"
#include "ucrctl/registry-options.h"
#include "ucrctl/verbs.h"

#include <errno.h>

#define DEFAULT_HOST "docker.io"

static const struct option_spec options[] = {
	{ "authfile", .arg = "FILE", .set = option_string,
		.offset = offsetof(struct registry_options, authfile),
		.complete = COMPLETE_FILE,
		.help = "Where logins are kept (default: $REGISTRY_AUTH_FILE, else docker's "
			"config.json)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const char *host = args[0] ? args[0] : DEFAULT_HOST;
	cleanup_free char *file = NULL;
	struct ctl *ctl = context;
	int r;

	r = registry_login_file(opts, &file, err);
	if (r == 0)
		r = credentials_erase(file, host, err);
	if (r < 0)
		return r;
	if (r == CREDENTIALS_ABSENT)
		return err_say(
			err, ENOENT, "logout: %s knows no login to %.200s", file, host);
	buf_printf(&ctl->out, "Removed the login to %s\n", host);
	return 0;
}

const struct verb_spec verb_logout = {
	.name = "logout",
	.section = SECTION_IMAGES,
	.summary = "Forget the login to a registry",
	.text = "HOST is docker.io unless it is given.",
	.args = "[HOST[:PORT]]",
	.args_max = 1,
	.groups = groups,
	.options_size = sizeof(struct registry_options),
	.run = run,
};
