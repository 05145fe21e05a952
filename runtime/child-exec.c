/* SPDX-License-Identifier: Apache-2.0 */
/* A further process in a running container, as confined as the first. */
#include "common/cleanup.h"
#include "isolators/attributes.h"
#include "runtime/child.h"
#include "runtime/lookup.h"
#include "runtime/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>

static int expect_placed(struct launch *launch, struct err *err)
{
	struct ipc_msg msg;
	int r;

	r = sync_expect(launch->child_fd, SYNC_PLACED, &msg, err);
	if (r == 0)
		ipc_msg_done(&msg);
	return r;
}

static int join(struct launch *launch, struct seccomp_filter *ret_filter,
	char **ret_program, struct err *err)
{
	struct isolation *isolation = &launch->isolation;
	int r;

	/* The container's processes see us from now on. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, errno, "hide from the container's processes");
	attributes_reset_signals();
	r = expect_placed(launch, err);
	if (r == 0)
		r = child_stdio(launch, err);
	if (r == 0)
		r = child_become_root(launch, err);
	if (r < 0)
		return r;
	isolation->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (isolation->root_fd < 0)
		return err_set(err, errno, "open the container's root");
	r = registry_isolate(isolation, STAGE_JOIN, err);
	if (r == 0)
		child_own_stdio(launch);
	if (r == 0)
		r = lookup_program(isolation->process->env, isolation->process->args[0],
			ret_program, err);
	if (r == 0)
		r = sync_expect_filter(launch->child_fd, ret_filter, err);
	return r ? r : child_ready(launch, err);
}

void child_exec(struct launch *launch)
{
	struct seccomp_filter filter = { 0 };
	struct notes notes = { 0 };
	struct err err = { 0 };
	char *program = NULL;
	int r;

	launch->isolation.notes = &notes;
	r = join(launch, &filter, &program, &err);
	if (r == 0)
		r = child_execute(launch, &filter, program, launch->child_fd, &err);
	child_fail(launch->child_fd, r, &err);
}
