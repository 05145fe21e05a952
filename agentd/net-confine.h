/* SPDX-License-Identifier: Apache-2.0 */
/* The rights of ucr-net: network administration, and to enter network namespaces. */
#ifndef UCR_AGENTD_NET_CONFINE_H
#define UCR_AGENTD_NET_CONFINE_H

#include "common/err.h"

int net_confine(struct err *err) __attribute__((warn_unused_result));

#endif
