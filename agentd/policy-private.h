/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of agentd/policy.h. */
#ifndef UCR_AGENTD_POLICY_PRIVATE_H
#define UCR_AGENTD_POLICY_PRIVATE_H

#include "agentd/policy.h"
#include "common/path.h"

/* "FIRST-LAST" or one number. */
int policy_range(const char *text, uint32_t *ret_first, uint32_t *ret_last)
	__attribute__((warn_unused_result));

/* -EACCES and the sentence: member, what it has, the policy's member, and what to write there: JSON,
 * which is told whole or, when it is too long, not at all. */
int policy_refuse(struct err *err, const char *member, const char *value,
	const char *rule, const char *example);

/* Whether a list has the word, or a prefix of it that ends in "*". */
bool policy_lists(char *const *list, const char *word);

/* "HOST:DIR[:OPTIONS]" cut: what --volume says. */
struct policy_volume {
	char *source, *target, *options;
	char *role; /* of the option "role=", which is for a named volume alone */
};
int policy_cut_volume(const char *text, struct policy_volume *ret, struct err *err)
	__attribute__((warn_unused_result));
void policy_volume_done(struct policy_volume *volume);
bool policy_volume_is_read_only(const struct policy_volume *volume);

int policy_volumes(const struct policy *policy, const struct run_options *run,
	struct err *err) __attribute__((warn_unused_result));

#endif
