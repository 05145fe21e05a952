/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's end of agentd/task-ledger.h; the process is in task-ledger-writer.c. */
#include "agentd/task-ledger-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/ipc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define RECORD_MAX (8U << 20)
#define SEND_BYTES (1 << 20)

struct task_ledger {
	struct task_ledger_options options;
	struct loop_source *source;
	struct ipc_msg msg;
	pid_t pid; /* 0: none is needed yet */
	int dirfd, fd;
};

int task_ledger_new(const struct task_ledger_options *options, struct task_ledger **ret,
	struct err *err)
{
	struct task_ledger *ledger = calloc(1, sizeof(*ledger));
	const char *root = engine_root_path(options->engine);
	cleanup_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (!ledger)
		return err_oom(err);
	ledger->options = *options;
	ledger->fd = -1;
	ledger->dirfd = root_fd < 0 ? -errno : fd_mkdir_open(root_fd, "tasks", 0700);
	if (ledger->dirfd < 0) {
		(void)err_set(err, -ledger->dirfd, "open %s/tasks", root);
		free(ledger);
		return -err->code;
	}
	*ret = ledger;
	return 0;
}

/* ---- the process ---- */

static int open_lock(const struct task_ledger *ledger)
{
	cleanup_close int fd = openat(ledger->dirfd, TASK_LEDGER_LOCK,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : fd_lock(fd, true, true);

	return r < 0 ? r : take_fd(&fd);
}

static void end(struct task_ledger *ledger)
{
	loop_remove(ledger->source);
	ledger->source = NULL;
	if (ledger->fd >= 0)
		(void)close(take_fd(&ledger->fd));
	while (ledger->pid && waitpid(ledger->pid, NULL, 0) < 0 && errno == EINTR)
		;
	ledger->pid = 0;
}

static int on_writer(struct loop_source *source, uint32_t events, void *arg)
{
	struct task_ledger *ledger = arg;
	struct task_ledger_outcome outcome;
	int r = ipc_recv(ledger->fd, &ledger->msg);

	if (r == -EAGAIN)
		return 0;
	if (r > 0 && ledger->msg.len == sizeof(outcome)) {
		memcpy(&outcome, ledger->msg.data, sizeof(outcome));
		outcome.id[TASK_ID_MAX] = '\0';
		ledger->options.saved(
			ledger->options.arg, outcome.id, outcome.version, outcome.r);
		return 0;
	}
	/* Another one is given everything again that was not said to be written. */
	end(ledger);
	ledger->options.saved(ledger->options.arg, NULL, 0, -EPIPE);
	return 0;
}

static int start_child(struct task_ledger *ledger, int lock_fd, int fds[2])
{
	const struct task_ledger_writer writer = { ledger->options.engine, ledger->dirfd,
		fds[1], lock_fd };

	ledger->pid = fork();
	if (ledger->pid == 0)
		task_ledger_write(&writer);
	if (ledger->pid > 0)
		return 0;
	ledger->pid = 0;
	return -errno;
}

static int start(struct task_ledger *ledger)
{
	cleanup_close int lock_fd = open_lock(ledger);
	int size = SEND_BYTES, fds[2];
	int r = lock_fd < 0 ? lock_fd : ipc_pair(fds);

	if (r < 0)
		return r;
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	ledger->fd = fds[0];
	r = fd_set_nonblock(fds[0], true);
	if (r == 0)
		r = loop_add_fd(ledger->options.loop, fds[0], EPOLLIN, on_writer, ledger,
			&ledger->source);
	if (r == 0)
		r = start_child(ledger, lock_fd, fds);
	(void)close(fds[1]);
	if (r < 0)
		end(ledger);
	return r;
}

void task_ledger_leave(struct task_ledger *ledger)
{
	if (ledger->fd >= 0)
		(void)close(take_fd(&ledger->fd));
}

void task_ledger_free(struct task_ledger *ledger)
{
	if (!ledger)
		return;
	end(ledger);
	(void)close(ledger->dirfd);
	free(ledger);
}

/* ---- what is given to it ---- */

static int order(struct task_ledger *ledger, const struct task_ledger_order *order,
	const struct buf *record)
{
	cleanup_close int fd = -1;
	int r = ledger->pid ? 0 : start(ledger);

	if (r < 0)
		return r;
	if (record) {
		fd = fd_memfd_sealed("record", record->data, record->len);
		if (fd < 0)
			return fd;
	}
	r = ipc_send(ledger->fd, record ? LEDGER_WRITE : LEDGER_REMOVE, order,
		sizeof(*order), &fd, record != NULL);
	return r == -EAGAIN || r == -EPIPE ? -EBUSY : r;
}

static void set_id(struct task_ledger_order *order, const char *id)
{
	(void)stpncpy(order->id, id, sizeof(order->id) - 1);
}

int task_ledger_save(
	struct task_ledger *ledger, const struct task_group *group, uint64_t since)
{
	struct task_ledger_order what = { .version = group->version, .since = since };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	set_id(&what, group->id);
	task_group_write(&w, group);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	return order(ledger, &what, &b);
}

void task_ledger_remove(struct task_ledger *ledger, const char *id)
{
	struct task_ledger_order what = { .version = 0 };
	char name[TASK_RECORD_NAME_MAX];

	set_id(&what, id);
	if (order(ledger, &what, NULL) == 0)
		return;
	/* It is only history: no order with what is written is lost. */
	task_record_name(id, name);
	(void)unlinkat(ledger->dirfd, name, 0);
}

/* ---- what it holds ---- */

void task_record_name(const char *id, char ret[TASK_RECORD_NAME_MAX])
{
	(void)snprintf(ret, TASK_RECORD_NAME_MAX, "%s" TASK_RECORD_SUFFIX, id);
}

static int load(const struct task_ledger *ledger, const char *name,
	struct task_group **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_task_group struct task_group *group = NULL;
	char own[TASK_RECORD_NAME_MAX];
	size_t len;
	int r = fd_read_file(ledger->dirfd, name, RECORD_MAX, &text, &len);

	if (r < 0)
		return err_set(err, -r, "read it");
	r = task_group_parse(text, len, &group, err);
	if (r < 0)
		return r;
	task_record_name(group->id, own);
	if (strlen(group->id) > TASK_ID_MAX || !str_eq(name, own))
		return err_say(err, EINVAL, "it is the record of %.120s", group->id);
	*ret = take_ptr(group);
	return 0;
}

/* Temporary files are what a writer that was killed left. */
static bool is_record(const struct task_ledger *ledger, const char *name)
{
	if (*name != '.')
		return str_has_suffix(name, TASK_RECORD_SUFFIX);
	if (str_skip_prefix(name, TASK_LEDGER_TMP))
		(void)unlinkat(ledger->dirfd, name, 0);
	return false;
}

static DIR *open_listing(const struct task_ledger *ledger)
{
	int fd = openat(ledger->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		(void)close(fd);
	return dir;
}

int task_ledger_load(struct task_ledger *ledger,
	void (*fn)(void *arg, struct task_group *group),
	void (*complain)(const char *name, const struct err *err), void *arg,
	struct err *err)
{
	cleanup_close int lock_fd = open_lock(ledger);
	cleanup_closedir DIR *dir = open_listing(ledger);
	const struct dirent *entry;

	if (lock_fd < 0 || !dir)
		return err_set(
			err, lock_fd < 0 ? -lock_fd : errno, "read the records of tasks");
	while ((entry = readdir(dir))) {
		struct task_group *group = NULL;
		struct err wrong = { 0 };

		if (!is_record(ledger, entry->d_name))
			continue;
		if (load(ledger, entry->d_name, &group, &wrong) < 0)
			complain(entry->d_name, &wrong);
		else
			fn(arg, group);
	}
	return 0;
}
