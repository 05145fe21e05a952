/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend-agent-run.h"

#include "common/cleanup.h"
#include "images/reference.h"
#include "ucrctl/print.h"
#include "ucrctl/question.h"
#include "ucrctl/run-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

/* An agent that is started again, or upgraded, is back by then. */
#define REJOIN_MS 20000
#define REJOIN_EVERY_MS 100

/* ---- before ---- */

static int check_stored(struct ctl *ctl, const char *name, struct err *err)
{
	cleanup_buf struct buf ignored = BUF_INIT;
	struct json_writer w = JSON_WRITER(&ignored);
	int r = ctl->backend->inspect_image(ctl, name, &w, err);

	if (r != IMAGE_ABSENT)
		return r;
	(void)err_say(err, ENOENT, "the agent has no image %.200s", name);
	return err_hint(err, "leave --pull=never out to have it pulled");
}

static int pull(struct ctl *ctl, const char *name, const struct run_verb *o,
	struct running *running, struct err *err)
{
	int r = ctl->backend->pull(ctl,
		&(struct obtain){ .reference = name,
			.platform = o->platform,
			.is_quiet = o->is_quiet,
			.progress = o->progress,
			.registry = &o->registry },
		&running->image, err);

	if (r < 0 && o->pull == PULL_NEWER) {
		cleanup_free char *note = str_printf("the stored image is used, since a "
						     "newer one cannot be had: %s",
			err->text);

		print_note(note ? note : err->text);
		return check_stored(ctl, name, err);
	}
	return r;
}

/* A file of this host, of which the agent knows nothing. */
static int send_archive(struct ctl *ctl, const struct run_task *task,
	const struct run_verb *o, struct running *running, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	int r = reference_parse(task->image, AT_FDCWD, &ref, err);

	if (r < 0 || (ref.kind != REFERENCE_PATH && ref.kind != REFERENCE_STDIN))
		return r;
	running->is_sent = true;
	return ctl->backend->load(ctl,
		&(struct obtain){ .reference = task->image,
			.is_quiet = o->is_quiet,
			.progress = o->progress },
		&running->image, err);
}

/* Where nothing else is wanted the agent itself looks, and pulls what it has not. */
int remote_prepare(struct ctl *ctl, const struct run_task *task, const struct run_verb *o,
	struct running *running, struct err *err)
{
	int r = run_wire_check(o, err);

	if (r == 0)
		r = question_check_registry(&o->registry, err);
	if (r == 0 && task->image)
		r = send_archive(ctl, task, o, running, err);
	if (r < 0 || !task->image || running->is_sent || o->pull == PULL_MISSING)
		return r;
	return o->pull == PULL_NEVER ? check_stored(ctl, task->image, err)
				     : pull(ctl, task->image, o, running, err);
}

/* ---- what is started ---- */

/* With a connection to the process where it is to be spoken to. An outcome above 0 is the exit
 * status to give. */
static int start(struct question *q, struct ctl *ctl, struct running *running,
	bool is_attached, struct json_doc **ret_doc, const struct json **ret,
	struct err *err)
{
	int r;

	jw_bool(&q->w, "attach", is_attached);
	r = is_attached ? question_attach(q, ctl, &running->stream, ret_doc, ret, err)
			: question_ask(q, ctl, ret_doc, ret, err);
	if (r < 0 && q->exit_status)
		return q->exit_status;
	if (r == 0)
		question_print_notes(*ret);
	return r;
}

static int write_run(struct question *q, const char *image, const struct run_task *task,
	const struct run_verb *o, struct err *err)
{
	question_begin(q, "RUN_CONTAINER");
	if (o->run.name)
		question_container(q, o->run.name);
	if (task->image)
		jw_string(&q->w, "image", image ? image : task->image);
	question_platform(q, &o->platform);
	return run_wire_write(&q->w, &o->run, err);
}

int remote_run(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *o, struct running *running, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q = { 0 };
	const struct json *answer;
	const char *id;
	int r = write_run(&q, running->is_sent ? running->image->id : NULL, task, o, err);

	if (r == 0)
		r = start(&q, ctl, running, !o->run.is_detached, &doc, &answer, err);
	if (r != 0)
		return r;
	id = json_get_string(answer, "id");
	if (!id || !str_is_name(id))
		return err_say(
			err, EPROTO, "the agent does not say which container it is");
	running->container = calloc(1, sizeof(*running->container));
	if (!running->container)
		return err_oom(err);
	running->container->dirfd = -1;
	return str_set(&running->container->id, id) < 0 ? err_oom(err) : 0;
}

int remote_exec(struct ctl *ctl, struct container *container,
	const struct exec_options *o, struct running *running, struct err *err)
{
	const struct run_options run = { .command = o->command,
		.env = o->env,
		.env_files = o->env_files,
		.workdir = o->workdir,
		.user = o->user,
		.is_interactive = o->is_interactive,
		.has_terminal = o->has_terminal };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	int r;

	question_begin(&q, "EXEC_CONTAINER");
	question_container(&q, container->id);
	r = run_wire_write(&q.w, &run, err);
	return r < 0 ? r : start(&q, ctl, running, !o->is_detached, &doc, &answer, err);
}

int remote_attach(struct ctl *ctl, struct container *container, bool sends_signals,
	struct running *running, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *ignored;

	question_begin(&q, "ATTACH_CONTAINER_OUTPUT");
	question_container(&q, container->id);
	running->is_watched_only = !sends_signals;
	return question_attach(&q, ctl, &running->stream, &doc, &ignored, err);
}

/* ---- its end ---- */

/* The shim cleans up once nobody is connected; whoever was told that it ended may rely on it. */
void remote_settle(struct ctl *ctl, struct running *running)
{
	cleanup_container struct container *now = NULL;
	struct err ignored;

	running_hang_up(running);
	if (ctl->backend->wait(ctl, running->container, &ignored) < 0)
		return;
	if (ctl->backend->find(ctl, running->container->id, &now, &ignored) == 0)
		running->container->end = now->end;
}

static int rejoin_once(struct ctl *ctl, struct running *running, struct err *err)
{
	cleanup_container struct container *now = NULL;
	int r = ctl->backend->find(ctl, running->container->id, &now, err);

	if (r < 0)
		return r;
	running->container->end = now->end;
	if (!container_is_live(now))
		return 0;
	r = remote_attach(ctl, now, !running->is_watched_only, running, err);
	if (r < 0)
		return r;
	print_note(
		"the connection to the agent broke and is there again; what was written "
		"meanwhile is in the log");
	return 1;
}

/* No answer yet, or one of an agent that is just being started. */
static bool may_come_back(int r)
{
	return r == -ECONNREFUSED || r == -EPIPE || r == -EIO;
}

static int say_broken(const struct running *running, int r, struct err *err)
{
	const char *id = running->container->id;

	if (r != -ENOENT)
		return err_wrap(err,
			"the connection to the agent broke, and container %.*s goes on without us",
			CONTAINER_SHORT_ID, id);
	return err_say(err, ENOENT,
		"the connection to the agent broke, and container %.*s has ended and was "
		"removed: its status is lost",
		CONTAINER_SHORT_ID, id);
}

int remote_rejoin(struct ctl *ctl, struct running *running, struct err *err)
{
	int64_t deadline_ms = container_now_ms() + REJOIN_MS;
	int r;

	running_hang_up(running);
	if (!running->container)
		return err_say(err, EPIPE,
			"the connection to the agent broke: what became of the command is not known");
	for (;;) {
		r = rejoin_once(ctl, running, err);
		if (r >= 0 || !may_come_back(r) || container_now_ms() > deadline_ms)
			break;
		(void)poll(NULL, 0, REJOIN_EVERY_MS);
	}
	return r < 0 ? say_broken(running, r, err) : r;
}
