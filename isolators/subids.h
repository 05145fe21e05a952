/* SPDX-License-Identifier: Apache-2.0 */
/* subuid(5) and subgid(5): the ranges of ids that a user was given beside his own. */
#ifndef UCR_ISOLATORS_SUBIDS_H
#define UCR_ISOLATORS_SUBIDS_H

#include "common/spec-linux.h"

#define SUBIDS_RANGES_MAX 64

/* Appends the ranges of a user, listed by login name (may be NULL) or uid, to `maps`,
 * from container id `first` on without holes. Malformed lines are skipped. 0 or -ENOMEM.
 */
int subids_append(const char *text, const char *name, uint32_t uid, uint32_t first,
	struct spec_id_maps *maps) __attribute__((warn_unused_result));

#endif
