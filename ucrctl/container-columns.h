/* SPDX-License-Identifier: Apache-2.0 */
/* What a list shows of a container. Rows are struct container. */
#ifndef UCR_UCRCTL_CONTAINER_COLUMNS_H
#define UCR_UCRCTL_CONTAINER_COLUMNS_H

#include "agentd/container.h"
#include "ucrctl/format.h"

extern const struct format_column container_columns[];

/* "1f3c…" cut to CONTAINER_SHORT_ID unless whole ids are wanted; a "sha256:" goes too. */
void put_short_id(const char *id, bool is_full, struct buf *out);

#endif
