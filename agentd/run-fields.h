/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call may ask of a container: the members of struct run_options that travel between the
 * agent's roles, as a table of common/json.h. The strings of a decoded one are its owner's, to be
 * given back by json_release(). A member that is not here cannot be asked for from outside.
 */
#ifndef UCR_AGENTD_RUN_FIELDS_H
#define UCR_AGENTD_RUN_FIELDS_H

#include "agentd/bundle.h"
#include "common/json.h"

extern const struct json_field run_fields[];

/* Whether a member is in a call: it would be written out. */
bool run_field_is_asked(const struct json_field *field, const struct run_options *run);

#endif
