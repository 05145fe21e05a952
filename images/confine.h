/* SPDX-License-Identifier: Apache-2.0 */
/* What the confinements of the helpers have in common: a filter that refuses every system call
 * which is not in a list or allowed by a rule. */
#ifndef UCR_IMAGES_CONFINE_H
#define UCR_IMAGES_CONFINE_H

#include "common/err.h"

#include <seccomp.h>

/* The sanitizers' run time needs /proc, address space and calls of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define CONFINE_IS_SANITIZED 1
#elif defined(__has_feature)
#define CONFINE_IS_SANITIZED __has_feature(address_sanitizer)
#else
#define CONFINE_IS_SANITIZED 0
#endif

/* Adds rules; 0 or libseccomp's -errno. */
typedef int (*confine_rules_fn)(scmp_filter_ctx filter);

/* Loads a filter of `names` (NULL ends them; those that this machine has not are passed over) and
 * what `add_rules` adds. Sets no_new_privs. */
int confine_calls(const char *const *names, confine_rules_fn add_rules, struct err *err)
	__attribute__((warn_unused_result));

#endif
