/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The secrets of a run, decoded: "PATH=BASE64" and "NAME=BASE64". They are in memory only, and
 * wiped when they are given back; no message repeats one.
 */
#ifndef UCR_AGENTD_BUNDLE_SECRETS_H
#define UCR_AGENTD_BUNDLE_SECRETS_H

#include "agentd/bundle.h"
#include "isolators/secrets.h"

struct bundle_secrets {
	struct secrets list; /* points into the items */
	struct secret *items;
	size_t count;
};

int bundle_secrets(const struct run_options *options, struct bundle_secrets *ret,
	struct err *err) __attribute__((warn_unused_result));
void bundle_secrets_done(struct bundle_secrets *secrets);

/* Of a file, as it is taken from the command line: "NAME=FILE" or "/PATH=FILE" becomes
 * "/run/secrets/NAME=BASE64" or "/PATH=BASE64", the caller's to wipe and free. */
int bundle_secret_read(const char *text, char **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
