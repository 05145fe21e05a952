/* SPDX-License-Identifier: Apache-2.0 */
/* The agent at ctl->socket_path, asked for by its API (ucr-agentd(8)). */
#include "ucrctl/backend-agent-images.h"
#include "ucrctl/backend-agent-log.h"
#include "ucrctl/backend-agent-run.h"

#include "agentd/container-wire.h"
#include "agentd/measure-wire.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "images/image-wire.h"
#include "ucrctl/print.h"
#include "ucrctl/question.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

/* ---- the agent ---- */

static int identify(
	struct ctl *ctl, char **ret_place, char **ret_version, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	cleanup_free char *version = NULL;
	const struct json *answer;
	const char *text;
	int r;

	question_begin(&q, "GET_VERSION");
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	text = json_get_string(json_get(answer, "version_info"), "version");
	if (str_set(&version, text ? text : "unknown") < 0)
		return err_oom(err);
	*ret_place = str_printf("unix://%s", ctl->socket_path);
	if (!*ret_place)
		return err_oom(err);
	*ret_version = take_ptr(version);
	return 0;
}

static void put_amount(struct buf *out, const struct json *resource)
{
	const char *name = json_get_string(resource, "name");
	const struct json *amount = json_get(json_get(resource, "scalar"), "value");

	if (name && amount && amount->type == JSON_NUMBER)
		buf_printf(out, "%s%s:%s", out->len ? ";" : "", name, amount->string);
}

static int tell(const char *name, struct buf *found, backend_finding_fn fn, void *arg,
	struct err *err)
{
	struct finding finding = { .name = name };

	if (buf_finish(found) < 0)
		return err_oom(err);
	finding.found = *found;
	return fn(&finding, arg, err);
}

static int tell_agent(struct ctl *ctl, backend_finding_fn fn, void *arg, struct err *err)
{
	cleanup_free char *place = NULL, *version = NULL;
	cleanup_buf struct buf found = BUF_INIT;
	int r = identify(ctl, &place, &version, err);

	if (r < 0)
		return r;
	buf_printf(&found, "%s, version %s", place, version);
	return tell("agent", &found, fn, arg, err);
}

static int tell_host(struct ctl *ctl, backend_finding_fn fn, void *arg, struct err *err)
{
	cleanup_buf struct buf host = BUF_INIT, resources = BUF_INIT;
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer, *info;
	const char *name;
	int r;

	question_begin(&q, "GET_AGENT");
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	info = json_get(answer, "agent_info");
	name = json_get_string(info, "hostname");
	buf_puts(&host, name ? name : "unknown");
	json_each (resource, json_get(info, "resources"))
		put_amount(&resources, resource);
	r = tell("host", &host, fn, arg, err);
	return r < 0 ? r : tell("resources", &resources, fn, arg, err);
}

static int examine(struct ctl *ctl, backend_finding_fn fn, void *arg, struct err *err)
{
	int r = tell_agent(ctl, fn, arg, err);

	return r < 0 ? r : tell_host(ctl, fn, arg, err);
}

/* ---- containers ---- */

static int find(
	struct ctl *ctl, const char *reference, struct container **ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	int r;

	question_begin(&q, "FIND_CONTAINER");
	question_container(&q, reference);
	r = question_ask(&q, ctl, &doc, &answer, err);
	return r < 0 ? r : container_read(answer, ret, err);
}

static int add_container(
	struct container_list *list, size_t *room, const struct json *v, struct err *err)
{
	struct container *container;
	int r = container_read(v, &container, err);

	if (r < 0)
		return r;
	if (array_grow(&list->items, list->count, room, sizeof(struct container *)) < 0) {
		container_free(container);
		return err_oom(err);
	}
	list->items[list->count++] = container;
	return 0;
}

static int list(struct ctl *ctl, struct container_list *ret, struct err *err)
{
	cleanup_container_list struct container_list all = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	size_t room = 0;
	int r;

	question_begin(&q, "LIST_CONTAINERS");
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	json_each (v, json_get(answer, "containers")) {
		r = add_container(&all, &room, v, err);
		if (r < 0)
			return r;
	}
	*ret = all;
	all = (struct container_list){ 0 };
	return 0;
}

static int inspect(struct ctl *ctl, const struct container *container,
	struct json_writer *w, struct err *err)
{
	cleanup_question struct question q;

	question_begin(&q, "INSPECT_CONTAINER");
	question_container(&q, container->id);
	return question_copy(&q, ctl, w, err);
}

static int kill_container(
	struct ctl *ctl, struct container *container, int signal, struct err *err)
{
	cleanup_question struct question q;

	question_begin(&q, "KILL_CONTAINER");
	question_container(&q, container->id);
	jw_i64(&q.w, "signal", signal);
	return question_do(&q, ctl, err);
}

static int remove_container(
	struct ctl *ctl, struct container *container, bool force, struct err *err)
{
	cleanup_question struct question q;

	question_begin(&q, "REMOVE_CONTAINER");
	question_container(&q, container->id);
	jw_bool(&q.w, "force", force);
	return question_do(&q, ctl, err);
}

/* ---- their end ---- */

static int ask_to_stop(struct ctl *ctl, struct container *container, int64_t grace_ms,
	int64_t *ret_deadline_ms, struct err *err)
{
	static const struct json_field fields[] = { { "remaining_ms", json_i64, 0, true },
		{ 0 } };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	char text[32];
	int64_t left_ms = 0;
	int r;

	question_begin(&q, "STOP_CONTAINER");
	question_container(&q, container->id);
	if (grace_ms >= 0) {
		(void)snprintf(text, sizeof(text), "%lldms", (long long)grace_ms);
		jw_string(&q.w, "timeout", text);
	}
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r == 0)
		r = json_decode(answer, fields, &left_ms, err);
	if (r < 0)
		return r;
	*ret_deadline_ms = container_now_ms() + left_ms;
	return 0;
}

/* As wait(2) packs it; without it nobody saw the end. */
static int take_end(
	struct container *container, const struct json *answer, struct err *err)
{
	struct container_end *end = &container->end;
	int32_t packed = -1;
	const struct json_field fields[] = { { "exit_status", json_i32, 0 }, { 0 } };
	int r = json_decode(answer, fields, &packed, err);

	if (r < 0)
		return r;
	container->status = packed < 0 ? CONTAINER_LOST : CONTAINER_EXITED;
	end->signal = packed < 0 ? 0 : packed & 0x7f;
	if (packed < 0)
		end->exit_status = -1;
	else
		end->exit_status = end->signal ? 128 + end->signal : packed >> 8 & 0xff;
	return 0;
}

static int send_wait(struct question *q, struct ctl *ctl,
	const struct container *container, struct err *err)
{
	question_begin(q, "WAIT_CONTAINER");
	question_container(q, container->id);
	return question_send(q, ctl, err);
}

static int take_wait(struct question *q, struct container *container, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *answer;
	int r = question_answer(q, &doc, &answer, err);

	return r < 0 ? r : take_end(container, answer, err);
}

static int wait_container(struct ctl *ctl, struct container *container, struct err *err)
{
	cleanup_question struct question q;
	int r = send_wait(&q, ctl, container, err);

	return r < 0 ? r : take_wait(&q, container, err);
}

/* True: the answer is there. */
static bool answers_before(const struct question *q, int64_t deadline_ms)
{
	struct pollfd ready = { .fd = http_client_fd(q->client), .events = POLLIN };

	for (;;) {
		int64_t left = deadline_ms - container_now_ms();
		int n = poll(&ready, 1,
			left <= 0	   ? 0
			: left > INT32_MAX ? INT32_MAX
					   : (int)left);

		if (n > 0)
			return true;
		if (left <= 0)
			return false;
	}
}

static int stop(struct ctl *ctl, struct container *container, int64_t deadline_ms,
	struct err *err)
{
	cleanup_question struct question q;
	int r = send_wait(&q, ctl, container, err);

	if (r == 0 && !answers_before(&q, deadline_ms)) {
		r = kill_container(ctl, container, SIGKILL, err);
		/* It ended just now. */
		if (r == -EBUSY || r == -ESRCH)
			r = 0;
	}
	return r < 0 ? r : take_wait(&q, container, err);
}

/* ---- processes ---- */

static int list_processes(struct ctl *ctl, struct container *container,
	struct process **ret, size_t *ret_count, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	cleanup_free struct process *all = NULL;
	const struct json *answer, *list;
	size_t count = 0;
	int r;

	question_begin(&q, "LIST_PROCESSES");
	question_container(&q, container->id);
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r < 0)
		return r;
	list = json_get(answer, "processes");
	all = calloc(json_count(list) + 1, sizeof(*all));
	if (!all)
		return err_oom(err);
	json_each (v, list) {
		r = process_decode(v, &all[count++], err);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(all);
	*ret_count = count;
	return 0;
}

static int measure(struct ctl *ctl, struct container *container,
	struct container_measure *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	int r;

	question_begin(&q, "MEASURE_CONTAINER");
	question_container(&q, container->id);
	r = question_ask(&q, ctl, &doc, &answer, err);
	/* That it does not run is told in one way with what else is in the way. */
	if (r == -EBUSY)
		return -ESRCH;
	return r < 0 ? r : measure_read(answer, ret, err);
}

static int profile(struct ctl *ctl, struct container *container,
	const struct flame_options *o, struct buf *out, uint64_t *ret_samples,
	struct err *err)
{
	static const struct json_field fields[] = { { "samples", json_u64, 0, true },
		{ 0 } };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_question struct question q;
	const struct json *answer;
	const char *text;
	int r;

	question_begin(&q, "PROFILE_CONTAINER");
	question_container(&q, container->id);
	jw_u64(&q.w, "duration_ms", o->duration_ms);
	jw_u64(&q.w, "frequency", o->frequency);
	jw_bool(&q.w, "folded", o->is_folded);
	jw_bool(&q.w, "per_thread", o->is_per_thread);
	r = question_ask(&q, ctl, &doc, &answer, err);
	if (r == 0)
		r = json_decode(answer, fields, ret_samples, err);
	if (r < 0)
		return r;
	text = json_get_string(answer, "drawing");
	if (!text)
		return err_say(err, EPROTO, "the agent's answer has no drawing");
	buf_puts(out, text);
	return 0;
}

const struct backend backend_agent = {
	.identify = identify,
	.examine = examine,
	.find = find,
	.list = list,
	.inspect = inspect,
	.kill = kill_container,
	.ask_to_stop = ask_to_stop,
	.stop = stop,
	.wait = wait_container,
	.remove = remove_container,
	.list_processes = list_processes,
	.measure = measure,
	.profile = profile,
	.read_log = remote_read_log,
	.read_events = remote_read_events,
	.prepare = remote_prepare,
	.run = remote_run,
	.exec = remote_exec,
	.attach = remote_attach,
	.settle = remote_settle,
	.rejoin = remote_rejoin,
	.list_images = remote_list_images,
	.inspect_image = remote_inspect_image,
	.tag = remote_tag,
	.untag = remote_untag,
	.load = remote_load,
	.pull = remote_pull,
};
