/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container.h"

#include "agentd/container-asked.h"
#include "agentd/container-nested.h"
#include "agentd/container-network.h"
#include "agentd/container-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/json-writer.h"
#include "common/timestamp.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#define UNKNOWN_STATUS (-1)

static const char *const status_names[] = {
	[CONTAINER_CREATED] = "created",
	[CONTAINER_CREATING] = "creating",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_EXITED] = "exited",
	[CONTAINER_LOST] = "lost",
};

const char *container_status_name(enum container_status status)
{
	return status_names[status];
}

bool container_is_live(const struct container *container)
{
	return container->status == CONTAINER_CREATING ||
	       container->status == CONTAINER_RUNNING ||
	       container->status == CONTAINER_PAUSED;
}

int container_status_parse(const char *name, enum container_status *ret)
{
	for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
		if (!str_eq(status_names[i], name))
			continue;
		*ret = (enum container_status)i;
		return 0;
	}
	return -EINVAL;
}

void container_free(struct container *container)
{
	if (!container)
		return;
	free(container->id);
	free(container->name);
	free(container->image);
	free(container->image_id);
	free(container->user);
	strv_free(container->command);
	strv_free(container->labels);
	strv_free(container->parents);
	free(container->stop_signal);
	free(container->network);
	if (container->dirfd >= 0)
		(void)close(container->dirfd);
	free(container);
}

static int json_time(const struct json *v, void *out, const void *arg, struct err *err)
{
	(void)arg;
	if (v->type != JSON_STRING || timestamp_parse(v->string, out) < 0)
		return err_say(err, EINVAL, "not a time of RFC 3339");
	return 0;
}

#define FIELD(key, decoder, member)                                                      \
	{                                                                                \
		key, decoder, offsetof(struct container, member), false, NULL            \
	}
#define REQUIRED(key, decoder, member)                                                   \
	{                                                                                \
		key, decoder, offsetof(struct container, member), true, NULL             \
	}

static const struct json_field container_fields[] = {
	FIELD("name", json_string, name),
	FIELD("image", json_string, image),
	REQUIRED("image_id", json_string, image_id),
	REQUIRED("command", json_strv, command),
	FIELD("labels", json_string_map, labels),
	FIELD("parents", json_strv, parents),
	REQUIRED("created", json_time, created),
	REQUIRED("stop_signal", json_string, stop_signal),
	REQUIRED("stop_timeout_ms", json_u64, stop_timeout_ms),
	FIELD("auto_remove", json_bool, is_auto_removed),
	FIELD("terminal", json_bool, has_terminal),
	FIELD("stdin", json_bool, has_stdin),
	FIELD("first_id", json_u32, ids.first),
	FIELD("id_count", json_u32, ids.count),
	FIELD("borrows_ids", json_bool, ids.is_borrowed),
	FIELD("user", json_string, user),
	FIELD("fixed_user", json_bool, has_fixed_user),
	FIELD("nesting", json_bool, has_nesting),
	FIELD("session", json_bool, is_session),
	{ NULL },
};

static const struct json_field exit_fields[] = {
	{ "exit_status", json_i32, offsetof(struct container_end, exit_status), true,
		NULL },
	{ "signal", json_i32, offsetof(struct container_end, signal), true, NULL },
	{ "finished", json_time, offsetof(struct container_end, finished), true, NULL },
	{ NULL },
};

/* -ENOENT is left to the caller to say. */
static int read_document(int dirfd, const char *name, const struct json_field *fields,
	void *out, struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json struct json_doc *doc = NULL;
	size_t len;
	int r;

	r = fd_read_file(dirfd, name, CONTAINER_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_set(err, -r, "read %s", name);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, out, err);
	return r < 0 ? err_wrap(err, "%s", name) : 0;
}

static void write_request(struct json_writer *w, const struct container *c)
{
	char stamp[TIMESTAMP_MAX];

	jw_string(w, "id", c->id);
	if (c->name)
		jw_string(w, "name", c->name);
	jw_string(w, "image", c->image);
	jw_string(w, "image_id", c->image_id);
	jw_strv(w, "command", c->command);
	jw_string_map(w, "labels", c->labels);
	jw_string(w, "created", timestamp_format(c->created, stamp));
	jw_string(w, "stop_signal", c->stop_signal);
	jw_u64(w, "stop_timeout_ms", c->stop_timeout_ms);
	jw_bool(w, "auto_remove", c->is_auto_removed);
	jw_bool(w, "terminal", c->has_terminal);
	jw_bool(w, "stdin", c->has_stdin);
	if (c->parents)
		jw_strv(w, "parents", c->parents);
	if (c->user)
		jw_string(w, "user", c->user);
	if (c->has_fixed_user)
		jw_bool(w, "fixed_user", true);
	if (c->has_nesting)
		jw_bool(w, "nesting", true);
	if (c->is_session)
		jw_bool(w, "session", true);
	if (!c->ids.count)
		return;
	jw_u64(w, "first_id", c->ids.first);
	jw_u64(w, "id_count", c->ids.count);
	jw_bool(w, "borrows_ids", c->ids.is_borrowed);
}

int container_save(const struct container *container, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	jw_object(&w, NULL);
	write_request(&w, container);
	jw_object_end(&w);
	buf_putc(&b, '\n');
	r = buf_finish(&b);
	if (r < 0)
		return err_oom(err);
	r = fd_replace_file(
		container->dirfd, "container.json", b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write container.json") : 0;
}

static void fold_lost(struct container *c)
{
	c->status = CONTAINER_LOST;
	c->end = (struct container_end){
		.exit_status = UNKNOWN_STATUS,
		.memory_limit_bytes = UINT64_MAX,
		.memory_peak_bytes = UINT64_MAX,
		.oom_kills = UINT64_MAX,
	};
}

static int read_exit(struct container *c, struct err *err)
{
	struct container_end end = {
		.memory_limit_bytes = UINT64_MAX,
		.memory_peak_bytes = UINT64_MAX,
		.oom_kills = UINT64_MAX,
	};
	struct err said;
	int r = read_document(c->dirfd, "exit", exit_fields, &end, err ? err : &said);

	/* What the power took before it was on the disk says nothing. */
	if (r == -EINVAL || r == -EBADMSG) {
		fold_lost(c);
		return 0;
	}
	if (r < 0)
		return r;
	c->end = end;
	c->status = CONTAINER_EXITED;
	return 0;
}

static void fold_state(struct container *c, const struct runtime_state *state)
{
	c->pid = state->pid;
	if (timestamp_parse(state->created, &c->started) < 0)
		c->started = c->created;
	c->status = state->status == RUNTIME_PAUSED    ? CONTAINER_PAUSED
		    : state->status == RUNTIME_RUNNING ? CONTAINER_RUNNING
						       : CONTAINER_CREATING;
}

/* Nothing runs (any more): somebody is still at it, or it ended without a witness. `exit`
 * is looked at once more, because the supervisor writes it before it lets go of its lock.
 */
static int fold_unfinished(struct container *c, bool has_state, struct err *err)
{
	bool is_supervised = container_is_supervised(c->dirfd);
	int r = read_exit(c, err);

	if (r != -ENOENT)
		return r;
	if (is_supervised)
		c->status = has_state ? CONTAINER_RUNNING : CONTAINER_CREATING;
	else if (container_asked_is_new(c->dirfd))
		c->status = CONTAINER_CREATED;
	else
		fold_lost(c);
	return 0;
}

static int fold(struct container *c, struct err *err)
{
	struct runtime_state state = { 0 };
	struct err ignored;
	bool has_state, is_alive, has_final;
	int r;

	has_state = runtime_state_load(c->dirfd, &state, &ignored) == 0;
	is_alive = has_state && state.pid != 0;
	if (has_state)
		fold_state(c, &state);
	runtime_state_done(&state);
	r = read_exit(c, err);
	if (r == -ENOENT)
		r = is_alive ? 0 : fold_unfinished(c, has_state, err);
	if (r < 0)
		return r;
	c->needs_cleanup = false;
	if (c->status == CONTAINER_EXITED || c->status == CONTAINER_LOST) {
		c->pid = 0;
		has_final = container_read_final(c->dirfd, &c->started, &c->end);
		/* A launch that was killed can have left more than it wrote down. */
		c->needs_cleanup = has_state || container_has_network(c) ||
				   container_has_children(c) ||
				   (c->status == CONTAINER_LOST && !has_final);
	}
	return 0;
}

int container_refresh(struct container *container, struct err *err)
{
	if (faccessat(container->dirfd, "container.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_say(err, ENOENT, "container %.*s was removed",
			CONTAINER_SHORT_ID, container->id);
	return fold(container, err);
}

/* A power cut may tear the file, which is not flushed: what it said is lost, but the container
 * can still be listed and removed. */
static int make_do(struct container *c, struct err *err)
{
	struct stat st;

	if (fstat(c->dirfd, &st) == 0)
		c->created = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
	if (!c->stop_signal)
		c->stop_signal = strdup("SIGTERM");
	if (!c->image)
		c->image = strdup("");
	if (!c->image_id)
		c->image_id = strdup("");
	if (!c->command)
		c->command = strv_new(0);
	if (!c->stop_signal || !c->image || !c->image_id || !c->command)
		return err_oom(err);
	return 0;
}

int container_open(struct engine *engine, const char *id)
{
	int fd = openat(engine_containers_dirfd(engine), id,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int container_spec(int container_dirfd, struct spec **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fd_read_file(container_dirfd, "config.json", SPEC_SIZE_MAX, &text, &len);

	return r < 0 ? err_set(err, -r, "read config.json")
		     : spec_parse(text, len, ret, err);
}

int container_load(
	struct engine *engine, const char *id, struct container **ret, struct err *err)
{
	cleanup_container struct container *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(err);
	c->dirfd = container_open(engine, id);
	if (c->dirfd < 0)
		return c->dirfd == -ENOENT
			       ? -ENOENT
			       : err_set(err, -c->dirfd, "open container %s", id);
	if (str_set(&c->id, id) < 0)
		return err_oom(err);
	r = read_document(c->dirfd, "container.json", container_fields, c, err);
	if (r < 0 && r != -ENOENT && r != -ENOMEM)
		r = make_do(c, err);
	if (r == 0)
		r = fold(c, err);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_wrap(err, "container %.*s", CONTAINER_SHORT_ID, id);
	*ret = take_ptr(c);
	return 0;
}

int container_lock(const struct container *container)
{
	cleanup_close int fd = -1;
	int r;

	fd = openat(
		container->dirfd, "container.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = fd_lock(fd, true, true);
	return r < 0 ? r : take_fd(&fd);
}

bool container_is_locked(const struct container *container)
{
	cleanup_close int fd = openat(
		container->dirfd, "container.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fd_lock(fd, false, false) == -EWOULDBLOCK;
}

int container_supervise(int container_dirfd)
{
	cleanup_close int fd = fd_mkdir_open(container_dirfd, "rootfs", 0755);
	int r;

	if (fd < 0)
		return fd;
	r = fd_lock(fd, true, false);
	return r < 0 ? r : take_fd(&fd);
}

bool container_is_supervised(int container_dirfd)
{
	cleanup_close int fd = -1;

	fd = openat(container_dirfd, "rootfs",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && fd_lock(fd, false, false) == -EWOULDBLOCK;
}
