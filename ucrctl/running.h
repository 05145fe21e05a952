/* SPDX-License-Identifier: Apache-2.0 */
/* A process that was started or joined by a verb, and the connection to it, whoever has it. */
#ifndef UCR_UCRCTL_RUNNING_H
#define UCR_UCRCTL_RUNNING_H

#include "agentd/attach.h"
#include "agentd/launch.h"
#include "runtime/attach-stream.h"

struct running {
	struct image
		*image; /* of our own engine, or brought to the agent; NULL: the host's
				files, or what the agent finds */
	bool is_sent; /* an archive, which has no other name there than the image's id */
	struct container *container; /* NULL: a further process in one */
	struct launched launched;    /* by our own engine */
	struct attach_stream stream; /* of an agent; its fd is ours, -1: there is none */
	bool is_watched_only;	     /* signals are not for it */
};

#define RUNNING_INIT                                                                     \
	{                                                                                \
		.launched = LAUNCHED_INIT, .stream.fd = -1                               \
	}
#define cleanup_running cleanup_with(running_done)

void running_done(struct running *running);
/* Ends the connection, which is no detaching. */
void running_hang_up(struct running *running);
/* How it is attached to; the caller adds what the container is. */
struct attach_options running_attach_options(struct running *running);

#endif
