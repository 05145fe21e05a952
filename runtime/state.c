/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json.h"
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *const status_names[] = {
	[RUNTIME_CREATING] = "creating",
	[RUNTIME_CREATED] = "created",
	[RUNTIME_RUNNING] = "running",
	[RUNTIME_STOPPED] = "stopped",
	[RUNTIME_PAUSED] = "paused",
};

const char *runtime_status_name(enum runtime_status status)
{
	return status_names[status];
}

#define FIELD(name, member, decoder, needed)                                             \
	{                                                                                \
		.key = (name), .decode = (decoder),                                      \
		.offset = offsetof(struct runtime_state, member), .required = (needed)   \
	}

/* Written and read by the same table. */
static const struct json_field state_fields[] = {
	FIELD("id", id, json_string, true),
	FIELD("bundle", bundle, json_string, true),
	FIELD("rootfs", rootfs, json_string, false),
	FIELD("cgroupPath", cgroup_path, json_string, false),
	FIELD("created", created, json_string, true),
	FIELD("owner", owner, json_u32, true),
	FIELD("pid", pid, json_i32, true),
	FIELD("startTime", start_time, json_u64, true),
	FIELD("bootId", boot_id, json_string, true),
	FIELD("hasOwnPidNamespace", has_own_pid_namespace, json_bool, false),
	FIELD("hasCgroupLeaf", has_cgroup_leaf, json_bool, false),
	FIELD("hasPoststartHooks", has_poststart_hooks, json_bool, false),
	FIELD("hasPoststopHooks", has_poststop_hooks, json_bool, false),
	FIELD("annotations", annotations, json_string_map, false),
	{ 0 },
};

int state_save(int state_dirfd, const struct runtime_state *state, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	jw_object(&w, NULL);
	json_encode(&w, state_fields, state);
	jw_object_end(&w);
	buf_putc(&b, '\n');
	r = buf_finish(&b);
	if (r < 0)
		return err_oom(err);
	/* No flush: after a power cut the boot id shows that the container is gone. */
	r = fd_replace_file(state_dirfd, STATE_FILE, b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write the container's %s", STATE_FILE) : 0;
}

void state_remove(int state_dirfd)
{
	(void)unlinkat(state_dirfd, STATE_CREATING, 0);
	(void)unlinkat(state_dirfd, STATE_START, 0);
	(void)unlinkat(state_dirfd, STATE_CGROUP, 0);
	(void)unlinkat(state_dirfd, STATE_FILE, 0);
}

int state_save_cgroup(int state_dirfd, const char *path, struct err *err)
{
	if (symlinkat(path, state_dirfd, STATE_CGROUP) == 0)
		return 0;
	if (errno == EEXIST && unlinkat(state_dirfd, STATE_CGROUP, 0) == 0 &&
		symlinkat(path, state_dirfd, STATE_CGROUP) == 0)
		return 0;
	return err_set(err, errno, "write down the container's cgroup");
}

int state_load_cgroup(int state_dirfd, char **ret, struct err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(state_dirfd, STATE_CGROUP, path, sizeof(path) - 1);

	if (n < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : err_set(err, errno, "read the container's cgroup");
	path[n] = '\0';
	*ret = strdup(path);
	return *ret ? 0 : err_oom(err);
}

int state_lock(int state_dirfd, bool wait, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	/* A descriptor of its own: flock(2) belongs to the open file description. */
	fd = openat(state_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the container's directory");
	r = fd_lock(fd, true, wait);
	if (r == -EWOULDBLOCK)
		return err_say(
			err, EWOULDBLOCK, "another command is changing this container");
	if (r < 0)
		return err_set(err, -r, "lock the container's directory");
	return take_fd(&fd);
}

static bool exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_this_boot(int proc_dirfd, const struct runtime_state *state)
{
	char now[BOOT_ID_MAX];

	return process_boot_id(proc_dirfd, now) == 0 && str_eq(now, state->boot_id);
}

static void fold_status(int state_dirfd, struct runtime_state *state)
{
	cleanup_close int pidfd = runtime_state_pidfd(state);

	if (pidfd < 0) {
		state->status = RUNTIME_STOPPED;
		state->pid = 0;
	} else if (exists(state_dirfd, STATE_START)) {
		state->status = RUNTIME_CREATED;
	} else if (exists(state_dirfd, STATE_CREATING)) {
		state->status = RUNTIME_CREATING;
	} else {
		state->status = RUNTIME_RUNNING;
	}
}

static int parse_state(
	const char *text, size_t len, struct runtime_state *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return r;
	return json_decode(json_root(doc), state_fields, ret, err);
}

int runtime_state_load(int state_dirfd, struct runtime_state *ret, struct err *err)
{
	struct runtime_state state = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(state_dirfd, STATE_FILE, STATE_SIZE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the container's %s", STATE_FILE);
	r = parse_state(text, len, &state, err);
	if (r < 0) {
		runtime_state_done(&state);
		return err_wrap(err, "read the container's %s", STATE_FILE);
	}
	fold_status(state_dirfd, &state);
	*ret = state;
	return 0;
}

void runtime_state_done(struct runtime_state *state)
{
	free(state->id);
	free(state->bundle);
	free(state->rootfs);
	free(state->cgroup_path);
	free(state->created);
	free(state->boot_id);
	strv_free(state->annotations);
	*state = (struct runtime_state){ 0 };
}

int runtime_state_pidfd(const struct runtime_state *state)
{
	cleanup_close int proc_dirfd = -1;

	if (state->pid <= 0)
		return -ESRCH;
	proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_dirfd < 0)
		return -errno;
	if (!is_this_boot(proc_dirfd, state))
		return -ESRCH;
	return process_open(proc_dirfd, state->pid, state->start_time);
}

int runtime_state_open(
	const struct runtime_state *state, int *ret_pidfd, int *ret_proc_dirfd)
{
	cleanup_close int pidfd = runtime_state_pidfd(state), dirfd = -1;
	char path[32];

	if (pidfd < 0)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)state->pid);
	dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Still alive after the open: the pid was not recycled in between. */
	if (dirfd < 0 || process_has_ended(pidfd, 0))
		return -ESRCH;
	*ret_pidfd = take_fd(&pidfd);
	*ret_proc_dirfd = take_fd(&dirfd);
	return 0;
}

void state_write(
	struct json_writer *w, const struct runtime_state *state, const char *owner)
{
	jw_object(w, NULL);
	jw_string(w, "ociVersion", SPEC_VERSION);
	jw_string(w, "id", state->id);
	jw_string(w, "status", runtime_status_name(state->status));
	/* "REQUIRED when status is created or running on Linux"; 0 once stopped, as
	 * peers. */
	jw_i64(w, "pid", state->pid);
	jw_string(w, "bundle", state->bundle);
	if (state->rootfs)
		jw_string(w, "rootfs", state->rootfs);
	if (state->created)
		jw_string(w, "created", state->created);
	if (strv_len(state->annotations))
		jw_string_map(w, "annotations", state->annotations);
	if (owner)
		jw_string(w, "owner", owner);
	jw_object_end(w);
}
