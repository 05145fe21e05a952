/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, in the three steps that the kernel's rules ask for: the bounding set is
 * cut while CAP_SETPCAP is still there, the ids change with the capabilities kept
 * (user.h), then the five sets become what was asked. The same for the first process and
 * for an exec (D23). Absent "capabilities" means none. A name that is unknown, or a
 * capability that the launcher does not hold itself, is noted in prepare and skipped.
 */
#ifndef UCR_ISOLATORS_CAPS_H
#define UCR_ISOLATORS_CAPS_H

#include "isolators/isolator.h"

#include <stdint.h>

/* Bit n for capability n. Unknown names are noted. */
uint64_t caps_parse(char *const *names, struct notes *notes);
#define CAPS_NAME_ROOM 40
/* The name of a capability ("CAP_CHOWN"); false past the last that this kernel has. */
bool caps_name(unsigned int cap, char ret[CAPS_NAME_ROOM]);
/* "CAP_CHOWN", "cap_chown", "CHOWN" and "chown" are one. */
bool caps_same(const char *a, const char *b);

/* prepare: notes. isolate: cuts the bounding set, keeps capabilities across setuid(2). */
extern const struct isolator caps_bounding_isolator;
/* isolate: sets permitted, effective, inheritable, ambient. After user. */
extern const struct isolator caps_isolator;

#endif
