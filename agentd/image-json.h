/* SPDX-License-Identifier: Apache-2.0 */
/* An image as `inspect` shows it: docker's main fields. */
#ifndef UCR_AGENTD_IMAGE_JSON_H
#define UCR_AGENTD_IMAGE_JSON_H

#include "common/json-writer.h"
#include "images/store.h"

int image_write(struct json_writer *w, struct store *store, const struct image *image,
	struct err *err) __attribute__((warn_unused_result));

/* The members "RepoTags" and "RepoDigests", of full names and the manifest's digest ("": none). */
void image_write_names(struct json_writer *w, char *const *names, const char *digest);

#endif
