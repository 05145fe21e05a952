/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/running.h"

#include "common/cleanup.h"

void running_hang_up(struct running *running)
{
	if (running->stream.fd >= 0)
		(void)close(take_fd(&running->stream.fd));
	attach_stream_done(&running->stream);
}

void running_done(struct running *running)
{
	running_hang_up(running);
	launched_done(&running->launched);
	container_free(running->container);
	image_free(running->image);
}

struct attach_options running_attach_options(struct running *running)
{
	if (running->stream.fd >= 0)
		return (struct attach_options){ .fd = running->stream.fd,
			.stream = &running->stream,
			.pidfd = -1,
			.sends_signals = !running->is_watched_only };
	return (struct attach_options){ .fd = running->launched.attach_fd,
		.pidfd = running->launched.pidfd };
}
