/* SPDX-License-Identifier: Apache-2.0 */
/* Who refers to a manifest of a registry: signatures, lists of parts and whatever else was
 * attached to it. What a registry says of them is not verified before one is pulled. */
#ifndef UCR_IMAGES_REFERRERS_H
#define UCR_IMAGES_REFERRERS_H

#include "images/fetcher.h"

#define REFERRERS_MAX 10000
#define REFERRERS_TEXT_MAX (16U << 20) /* bytes that are said of all */

struct referrer {
	char *digest;			  /* of its manifest; valid */
	char *media_type, *artifact_type; /* NULL: it was not said */
	uint64_t size;			  /* bytes of its manifest */
	strv annotations;		  /* "key=value" */
};

struct referrers {
	strv notes;   /* sentences: what was left out */
	char *digest; /* of what they refer to */
	struct {
		struct referrer *items;
		size_t count;
	} list;
};

/* Those of `full_name`, "host/path:tag" or "host/path@digest"; only of this type unless it is
 * NULL. None is no error. */
int referrers_fetch(const char *libexec_path, const struct pull_options *options,
	const char *full_name, const char *artifact_type, struct referrers *ret,
	struct err *err) __attribute__((warn_unused_result));

#define cleanup_referrers cleanup_with(referrers_done)
void referrers_done(struct referrers *referrers);

#endif
