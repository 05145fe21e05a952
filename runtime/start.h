/* SPDX-License-Identifier: Apache-2.0 */
/* How a created container waits for its start, and who may give it. */
#ifndef UCR_RUNTIME_START_H
#define UCR_RUNTIME_START_H

#include "runtime/launch.h"

/* Makes the socket at which others will start the container, under the name that says
 * that it is still being created; publishing gives it its final name. */
int start_listen(int state_dirfd, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
int start_publish(int state_dirfd, struct err *err) __attribute__((warn_unused_result));

/* In the child: waits for SYNC_START from the launcher or at the socket. Returns the
 * descriptor to which a failure is told, or -EPIPE when nobody is left who could start
 * us. */
int start_wait(struct launch *launch) __attribute__((warn_unused_result));

#endif
