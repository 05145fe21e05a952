/* SPDX-License-Identifier: Apache-2.0 */
/* A name's addresses by the C library, which may take its time: for programs of their own. */
#ifndef UCR_AGENTD_REPORT_RESOLVE_H
#define UCR_AGENTD_REPORT_RESOLVE_H

#include "common/graphite.h"

struct report_peer {
	char *host, *port;
};

/* A graphite_resolve_fn; `arg` is a struct report_peer. */
int report_resolve(void *arg, struct graphite_address *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
