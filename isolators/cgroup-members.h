/* SPDX-License-Identifier: Apache-2.0 */
/* The processes and the directories of a cgroup and of those below it, in any version. */
#ifndef UCR_ISOLATORS_CGROUP_MEMBERS_H
#define UCR_ISOLATORS_CGROUP_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int cgroup_members(int dirfd, pid_t **ret, size_t *ret_count)
	__attribute__((warn_unused_result));
int cgroup_remove(int root_dirfd, const char *path) __attribute__((warn_unused_result));
bool cgroup_has_members(int dirfd);
/* Sleeps for *usec, doubled for the next time up to a bound. False once `deadline`
 * passed. */
bool cgroup_wait(uint64_t deadline_ms, unsigned int *usec);
uint64_t cgroup_now_ms(void);

#endif
