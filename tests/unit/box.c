/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/box.h"

#include "common/cleanup.h"
#include "isolators/attributes.h"
#include "isolators/caps.h"
#include "isolators/console.h"
#include "isolators/cwd.h"
#include "isolators/dev.h"
#include "isolators/masks.h"
#include "isolators/mounts.h"
#include "isolators/namespaces.h"
#include "isolators/proc-handle.h"
#include "isolators/rlimits.h"
#include "isolators/sysctl.h"
#include "isolators/user.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const struct isolator *const rows[] = {
	&userns_isolator,
	&proc_handle_isolator,
	&namespaces_isolator,
	&rootfs_isolator,
	&mounts_isolator,
	&dev_isolator,
	&console_isolator,
	&masks_isolator,
	&rootfs_enter_isolator,
	&user_lookup_isolator,
	&cwd_isolator,
	&mounts_readonly_isolator,
	&sysctl_isolator,
	&attributes_isolator,
	&rlimits_isolator,
	&caps_bounding_isolator,
	&user_isolator,
	&caps_isolator,
	&no_new_privs_isolator,
	&labels_isolator,
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

bool box_is_possible(void)
{
	cleanup_close int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	return geteuid() == 0 && fd >= 0 && setns(fd, CLONE_NEWNS) == 0;
}

static int prepare_all(struct isolation *isolation, struct err *err)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i]->prepare && rows[i]->prepare(isolation, err) < 0)
			return err_wrap(err, "prepare %s", rows[i]->name);
	}
	return 0;
}

static int attach_all(struct isolation *isolation, pid_t pid, struct err *err)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i]->attach && rows[i]->attach(isolation, pid, err) < 0)
			return err_wrap(err, "attach %s", rows[i]->name);
	}
	return 0;
}

static int isolate_all(struct isolation *isolation, struct err *err)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i]->isolate && rows[i]->isolate(isolation, err) < 0)
			return err_wrap(err, "isolate %s", rows[i]->name);
	}
	return 0;
}

static void release_all(struct isolation *isolation)
{
	for (size_t i = ROWS; i-- > 0;) {
		if (rows[i]->release)
			rows[i]->release(isolation);
	}
}

/* Waits for the parent's word, isolates, looks, sends the verdict. */
static void child(struct isolation *isolation, box_fn look, int go_fd, int verdict_fd)
{
	struct err err = { 0 };
	char c;

	if (read(go_fd, &c, 1) == 1 && isolate_all(isolation, &err) == 0)
		(void)look(isolation, &err);
	_exit(write(verdict_fd, &err, sizeof(err)) == (ssize_t)sizeof(err) ? 0 : 1);
}

static int read_verdict(int fd, struct err *ret)
{
	if (read(fd, ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		return err_say(ret, EPIPE, "the child died without a word");
	return -ret->code;
}

static int launch(struct isolation *isolation, box_fn look, struct err *err)
{
	int go[2], verdict[2], r;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(verdict, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	pid = (pid_t)syscall(SYS_clone,
		namespaces_clone_flags(isolation->namespaces) | SIGCHLD, NULL, NULL, NULL,
		NULL);
	if (pid == 0) {
		(void)close(go[1]);
		child(isolation, look, go[0], verdict[1]);
	}
	(void)close(verdict[1]);
	(void)close(go[0]);
	r = pid < 0 ? err_set(err, errno, "clone") : attach_all(isolation, pid, err);
	if (r == 0 && write(go[1], "", 1) == 1)
		r = read_verdict(verdict[0], err);
	(void)close(go[1]);
	(void)close(verdict[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return r;
}

static int run(const struct box *box, struct err *err)
{
	struct notes notes = { 0 };
	struct isolation isolation = ISOLATION_INIT;
	struct spec *spec = NULL;
	int r;

	r = spec_parse(box->config, strlen(box->config), &spec, err);
	if (r < 0)
		return r;
	isolation.id = "box";
	isolation.spec = spec;
	isolation.process = &spec->process;
	isolation.user = box->user;
	isolation.bundle_dirfd = box->bundle_dirfd;
	isolation.rootfs = box->rootfs;
	isolation.notes = &notes;
	isolation.is_rootless = geteuid() != 0;
	isolation.create_cwd = box->create_cwd;
	r = prepare_all(&isolation, err);
	if (r == 0)
		r = launch(&isolation, box->look, err);
	release_all(&isolation);
	notes_done(&notes);
	spec_free(spec);
	return r;
}

/* As another user the launcher is a process of its own. */
int box_run(const struct box *box, struct err *err)
{
	int verdict[2], r;
	pid_t pid;

	*err = (struct err){ 0 };
	if (!box->launcher)
		return run(box, err);
	if (pipe2(verdict, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 ||
			setresgid(box->launcher, box->launcher, box->launcher) < 0 ||
			setresuid(box->launcher, box->launcher, box->launcher) < 0)
			(void)err_set(err, errno, "become uid %u", box->launcher);
		else
			(void)prctl(PR_SET_DUMPABLE, 1), (void)run(box, err);
		_exit(write(verdict[1], err, sizeof(*err)) == (ssize_t)sizeof(*err) ? 0
										    : 1);
	}
	(void)close(verdict[1]);
	r = pid < 0 ? err_set(err, errno, "fork") : read_verdict(verdict[0], err);
	(void)close(verdict[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return r;
}
