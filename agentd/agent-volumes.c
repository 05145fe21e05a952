/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes of a task, opened: what is mounted is what was checked. */
#include "agentd/agent-volumes.h"

#include "agentd/policy-private.h"
#include "agentd/volume.h"
#include "common/cleanup.h"

#include <errno.h>

void agent_volumes_done(struct agent_volumes *volumes)
{
	for (size_t i = 0; i < volumes->count; i++) {
		if (volumes->fds[i] >= 0)
			(void)close(volumes->fds[i]);
	}
	free(volumes->fds);
	*volumes = (struct agent_volumes){ 0 };
}

static int open_one(struct agent *agent, const char *text, struct err *err)
{
	struct policy_volume v;
	int fd, r = policy_cut_volume(text, &v, err);

	if (r < 0)
		return r;
	fd = *v.source == '/' ? policy_open_path(&agent->policy, v.source,
					policy_volume_is_read_only(&v), err)
			      : volume_open(agent->engine, v.source, v.role, err);
	policy_volume_done(&v);
	return fd;
}

int agent_volumes_open(struct agent *agent, const struct run_options *run,
	struct agent_volumes *ret, struct err *err)
{
	cleanup_with(agent_volumes_done) struct agent_volumes volumes = { 0 };

	volumes.fds = calloc(strv_len(run->volumes) + 1, sizeof(*volumes.fds));
	if (!volumes.fds)
		return err_oom(err);
	strv_each (text, run->volumes) {
		int fd = open_one(agent, *text, err);

		if (fd < 0)
			return fd;
		volumes.fds[volumes.count++] = fd;
	}
	*ret = volumes;
	volumes = (struct agent_volumes){ 0 };
	return 0;
}
