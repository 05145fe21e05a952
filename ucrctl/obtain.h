/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a person wrote for IMAGE to an image of the store, with progress on a
 * terminal and notes afterwards. The user namespace that a normal user's import needs is
 * made only when something has to be imported.
 */
#ifndef UCR_UCRCTL_OBTAIN_H
#define UCR_UCRCTL_OBTAIN_H

#include "images/import.h"
#include "ucrctl/ctl.h"
#include "ucrctl/progress.h"
#include "ucrctl/registry-options.h"

struct obtain {
	const char *reference;
	enum pull_policy pull;
	struct platform platform;
	enum layer_form form;
	bool takes_artifacts;			 /* it is to be stored, not to be run */
	bool is_quiet;				 /* no progress */
	unsigned int progress;			 /* enum progress_kind */
	const struct registry_options *registry; /* NULL: none were given */
	const struct import_build *build; /* files become an image; NULL: it is one */
};

int obtain_image(struct ctl *ctl, const struct obtain *how, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));

/* The namespace for a rootless caller (or one that asks to be treated so), else -1. */
int obtain_userns(struct engine *engine, bool is_wanted, struct import_userns *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
