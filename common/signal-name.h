/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as people and images write them: "SIGTERM", "term", "15", "RTMIN+3". */
#ifndef UCR_COMMON_SIGNAL_NAME_H
#define UCR_COMMON_SIGNAL_NAME_H

#define SIGNAL_NAME_MAX 16

/* 1 to 64. -EINVAL for anything else. */
int signal_parse(const char *text, int *ret) __attribute__((warn_unused_result));

/* "SIGTERM", "SIGRTMIN+3"; the number when it has no name. Returns `ret`. */
const char *signal_name(int signal, char ret[SIGNAL_NAME_MAX]);

#endif
