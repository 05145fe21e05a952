/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/profile-container.h"

#include "agentd/container-usage.h"
#include "agentd/profile.h"
#include "common/cleanup.h"

#include <stdio.h>

static int sample(struct engine *engine, struct container *container,
	const struct flame_options *o, struct profile *ret, struct err *err)
{
	cleanup_close int cgroup_fd = -1;
	cleanup_free pid_t *pids = NULL;
	struct profile_options how = { .cgroup_fd = -1,
		.frequency = o->frequency,
		.duration_ms = o->duration_ms,
		.is_stopped = o->is_stopped };
	int r = container_pids(engine, container, &pids, &how.pid_count, err);

	if (r < 0)
		return r;
	how.pids = pids;
	if (!o->is_per_thread)
		cgroup_fd = container_cgroup_dir(engine, container);
	if (cgroup_fd >= 0) {
		how.cgroup_fd = cgroup_fd;
		r = profile_run(&how, ret, err);
		if (r == 0)
			return 0;
		how.cgroup_fd = -1;
	}
	return profile_run(&how, ret, err);
}

int profile_container(struct engine *engine, struct container *container,
	const struct flame_options *o, struct buf *out, uint64_t *ret_samples,
	struct err *err)
{
	cleanup_profile struct profile profile = { 0 };
	char title[160];
	int r = sample(engine, container, o, &profile, err);

	if (r < 0)
		return r;
	(void)snprintf(title, sizeof(title), "%.64s: %u samples a second and processor",
		container->name ? container->name : container->id, o->frequency);
	if (o->is_folded)
		profile_fold(&profile, out);
	else
		profile_draw(&profile, title, out);
	*ret_samples = profile.samples;
	return 0;
}
