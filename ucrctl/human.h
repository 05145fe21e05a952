/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and times as people read them. */
#ifndef UCR_UCRCTL_HUMAN_H
#define UCR_UCRCTL_HUMAN_H

#include "common/options.h"

#include <stdint.h>

/* "512B", "1.5MiB". */
void human_bytes(struct buf *out, uint64_t bytes);

/* "5 seconds", "90 minutes": the largest unit that is there twice. Negative counts as 0.
 */
void human_duration(struct buf *out, int64_t ns);

/* The inverse for --since and --until: RFC 3339, a date, seconds since the epoch, or a
 * time before `now` such as "10m". Nanoseconds since the epoch; -EINVAL. */
int human_moment(const char *text, int64_t now, int64_t *ret)
	__attribute__((warn_unused_result));

/* A setter of that: int64_t, nanoseconds since the epoch. */
option_set_fn option_moment;

#endif
