/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options about registries that several verbs have, and what stands for them when they are
 * not given: environment variables and the files that docker and podman use too.
 */
#ifndef UCR_UCRCTL_REGISTRY_OPTIONS_H
#define UCR_UCRCTL_REGISTRY_OPTIONS_H

#include "common/options.h"
#include "images/import.h"

struct registry_options {
	const char *registries, *authfile, *credentials, *credentials_file;
};

extern const struct option_spec registry_option_table[];

/* What the options come to; owns the texts that `pull` points into. */
struct registry_setup {
	struct pull_options pull;
	strv config, certs, auth_files;
	char *credentials;
};

#define cleanup_registry_setup cleanup_with(registry_setup_done)
void registry_setup_done(struct registry_setup *setup);

/* `options` NULL: none were given. */
int registry_setup_make(const struct registry_options *options,
	struct registry_setup *ret, struct err *err) __attribute__((warn_unused_result));

/* The file that `login` writes. The caller's to free. */
int registry_login_file(const struct registry_options *options, char **ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
