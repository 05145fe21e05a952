/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/launch.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/cgroup.h"
#include "isolators/namespaces.h"
#include "runtime/process.h"
#include "runtime/registry.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int birth_cgroup(const struct launch *launch)
{
	return launch->isolation.cgroup ? cgroup_clone_fd(launch->isolation.cgroup) : -1;
}

/* The container's process begins: first of all it is accounted and limited. */
static void enter(struct launch *launch, launch_child_fn *child)
	__attribute__((noreturn));
static void enter(struct launch *launch, launch_child_fn *child)
{
	const struct cgroup *cgroup = launch->isolation.cgroup;
	struct err err = { 0 };
	int r;

	r = cgroup ? cgroup_join(cgroup, &err) : 0;
	if (r < 0)
		sync_send_failure(launch->child_fd, r, &err);
	else
		child(launch);
	_exit(1);
}

static int clone_child(struct launch *launch, uint64_t extra_flags, int cgroup_fd,
	launch_child_fn *child, struct err *err)
{
	uint64_t flags =
		namespaces_clone_flags(launch->isolation.namespaces) | extra_flags;
	pid_t pid;

	pid = process_clone(flags, cgroup_fd, &launch->pidfd);
	if (pid < 0) {
		(void)err_set(err, -pid, "clone the container's process");
		if (pid == -EPERM && (flags & CLONE_NEWUSER))
			return err_hint(err,
				"user namespaces may be switched off here: see "
				"kernel.unprivileged_userns_clone and "
				"user.max_user_namespaces");
		if (pid == -EPERM)
			return err_hint(err,
				"run it as root, or with a user namespace in the configuration");
		return pid;
	}
	if (pid == 0) {
		/* Our copy of the launcher's end would hide its death from us. */
		(void)close(take_fd(&launch->parent_fd));
		if (launch->lock_fd >= 0)
			(void)close(take_fd(&launch->lock_fd));
		enter(launch, child);
	}
	launch->pid = pid;
	return 0;
}

static int send_cloned(const struct launch *launch)
{
	return ipc_send(launch->child_fd, SYNC_CLONED, &launch->pid, sizeof(launch->pid),
		&launch->pidfd, 1);
}

/* Joins namespaces and clones the child as a sibling of itself, so that the launcher is
 * the parent. The pid is the launcher's view: joining a pid namespace moves only
 * children. */
static void intermediate(struct launch *launch, launch_child_fn *child)
	__attribute__((noreturn));
static void intermediate(struct launch *launch, launch_child_fn *child)
{
	struct err err = { 0 };
	int r;

	/* Who is already inside must not trace us and take our descriptors. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	r = namespaces_join(launch->isolation.namespaces, &err);
	if (r == 0)
		r = clone_child(launch, CLONE_PARENT, -1, child, &err);
	if (r == 0)
		r = send_cloned(launch);
	if (r < 0)
		sync_send_failure(launch->child_fd, r, &err);
	_exit(r < 0);
}

static int take_cloned(struct launch *launch, struct err *err)
{
	struct ipc_msg msg;
	int r;

	r = sync_expect(launch->parent_fd, SYNC_CLONED, &msg, err);
	if (r != 0)
		return r;
	if (msg.len != sizeof(launch->pid) || msg.fd_count != 1) {
		ipc_msg_done(&msg);
		return err_say(err, EPROTO, "the intermediate process told nonsense");
	}
	memcpy(&launch->pid, msg.data, sizeof(launch->pid));
	launch->pidfd = take_fd(&msg.fds[0]);
	ipc_msg_done(&msg);
	return 0;
}

static int clone_through_intermediate(
	struct launch *launch, launch_child_fn *child, struct err *err)
{
	cleanup_close int pidfd = -1;
	int code, status, r;
	pid_t pid;

	/* Born in the cgroup, with the launcher's rights: from inside the namespaces it joins,
	 * the kernel refuses to enter a cgroup from outside (nsdelegate). */
	pid = process_clone(0, birth_cgroup(launch), &pidfd);
	if (pid < 0)
		return err_set(err, -pid, "clone a process to join namespaces");
	if (pid == 0)
		intermediate(launch, child);
	/* Else the socket would not close when both processes are gone. */
	(void)close(take_fd(&launch->child_fd));
	r = take_cloned(launch, err);
	(void)process_wait(pidfd, &code, &status);
	return r;
}

/* Opened here: the container's own /dev/null may be anything. */
static int open_null(struct launch *launch, struct err *err)
{
	for (int i = 0; i < 3; i++) {
		if (launch->stdio_fds[i] >= 0)
			continue;
		if (launch->null_fd < 0)
			launch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (launch->null_fd < 0)
			return err_set(err, errno, "open /dev/null");
		launch->stdio_fds[i] = launch->null_fd;
	}
	return 0;
}

int launch_clone(struct launch *launch, launch_child_fn *child, struct err *err)
{
	int fds[2], r;

	r = open_null(launch, err);
	if (r < 0)
		return r;
	r = ipc_pair(fds);
	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	launch->parent_fd = fds[0];
	launch->child_fd = fds[1];
	if (namespaces_must_join(launch->isolation.namespaces))
		return clone_through_intermediate(launch, child, err);
	r = clone_child(launch, 0, birth_cgroup(launch), child, err);
	(void)close(take_fd(&launch->child_fd));
	return r;
}

/* The id of the host that root inside is; -1: root there is root here. */
static uint32_t root_of(const struct spec_id_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		if (maps->items[i].container_id == 0)
			return maps->items[i].host_id;
	}
	return UINT32_MAX;
}

/* Pipes of ours become those of root inside, who could not open /dev/stdout otherwise, nor give
 * it to the user of the program: see child_own_stdio(). */
static void give_stdio(const struct launch *launch)
{
	const struct spec_linux *linux_ = &launch->isolation.spec->linux_;
	struct stat st;

	if (geteuid() != 0 ||
		!namespaces_is_own(launch->isolation.namespaces, CLONE_NEWUSER))
		return;
	for (int i = 0; i < 3; i++) {
		int fd = launch->stdio_fds[i];

		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid == 0)
			(void)!fchown(fd, root_of(&linux_->uid_mappings),
				root_of(&linux_->gid_mappings));
	}
}

int launch_place(struct launch *launch, unsigned int stages, struct err *err)
{
	struct isolation *isolation = &launch->isolation;
	int r;

	give_stdio(launch);
	r = registry_attach(isolation, stages, launch->pid, err);
	if (r < 0)
		return r;
	if (isolation->has_new_userns) {
		r = sync_send(launch->parent_fd, SYNC_MAPPED, NULL, 0, err);
		if (r < 0)
			return r;
	}
	return sync_send(
		launch->parent_fd, SYNC_PLACED, &launch->pid, sizeof(launch->pid), err);
}

int launch_send_filter(struct launch *launch, struct err *err)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	int r;

	r = seccomp_compile(&launch->isolation.spec->linux_.seccomp,
		launch->isolation.notes, &filter, err);
	if (r < 0)
		return r;
	return sync_send_filter(launch->parent_fd, &filter, err);
}

int launch_await_ready(struct launch *launch, int *ret_console_fd, struct err *err)
{
	struct ipc_msg msg;
	int r;

	for (;;) {
		r = ipc_recv(launch->parent_fd, &msg);
		if (r < 0)
			return err_set(err, -r, "listen to the container's process");
		if (r == 0)
			return err_say(err, EPIPE,
				"the container's process ended before it was ready");
		if (msg.type != SYNC_NOTE)
			break;
		notes_add(launch->isolation.notes, "%s", msg.data);
		ipc_msg_done(&msg);
	}
	if (msg.type == SYNC_READY) {
		*ret_console_fd = msg.fd_count == 1 ? take_fd(&msg.fds[0]) : -1;
		r = 0;
	} else if (msg.type == SYNC_FAILED) {
		r = sync_failure(&msg, err);
	} else {
		r = err_say(err, EPROTO, "message %u came before the process was ready",
			msg.type);
	}
	ipc_msg_done(&msg);
	return r;
}

static int hear_exec(const struct ipc_msg *msg, launch_listener_fn *take_listener,
	void *arg, struct err *err)
{
	if (msg->type == SYNC_LISTENER && msg->fd_count == 1)
		return take_listener(arg, msg->fds[0], err);
	if (msg->type == SYNC_FAILED)
		return sync_failure(msg, err);
	return err_say(err, EPROTO, "message %u came at the start", msg->type);
}

int launch_await_exec(
	int fd, launch_listener_fn *take_listener, void *arg, struct err *err)
{
	struct ipc_msg msg;
	int r;

	for (;;) {
		r = ipc_recv(fd, &msg);
		if (r < 0)
			return err_set(err, -r, "listen to the container's process");
		if (r == 0)
			return 0;
		r = hear_exec(&msg, take_listener, arg, err);
		ipc_msg_done(&msg);
		if (r != 0)
			return r;
	}
}

int launch_send_listener(const struct spec *spec, const struct runtime_state *state,
	pid_t pid, int listener_fd, struct err *err)
{
	const struct spec_seccomp *seccomp = &spec->linux_.seccomp;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct seccomp_notice notice = { .oci_version = SPEC_VERSION,
		.metadata = seccomp->listener_metadata,
		.pid = pid };

	if (!seccomp->listener_path)
		return err_say(err, EINVAL,
			"the filter uses SCMP_ACT_NOTIFY, but linux.seccomp.listenerPath names "
			"nobody to ask");
	state_write(&w, state, NULL);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	notice.state_json = b.data;
	return seccomp_send_listener(seccomp->listener_path, listener_fd, &notice, err);
}

int launch_verdict(struct launch *launch, int r, struct err *err)
{
	struct ipc_msg msg;

	if (r == 0 || launch->parent_fd < 0 ||
		fd_set_nonblock(launch->parent_fd, true) < 0)
		return r;
	while (ipc_recv(launch->parent_fd, &msg) == 1) {
		if (msg.type == SYNC_FAILED)
			r = sync_failure(&msg, err);
		ipc_msg_done(&msg);
	}
	return r;
}

void launch_abort(struct launch *launch)
{
	int code, status;

	if (launch->pidfd < 0)
		return;
	(void)process_signal(launch->pidfd, SIGKILL);
	(void)process_wait(launch->pidfd, &code, &status);
}

void launch_done(struct launch *launch)
{
	int *fds[] = { &launch->null_fd, &launch->lock_fd, &launch->listen_fd,
		&launch->parent_fd, &launch->child_fd, &launch->pidfd,
		&launch->target_pidfd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(take_fd(fds[i]));
	}
	place_done(&launch->place);
}
