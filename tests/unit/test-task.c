/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/task-group.h"
#include "agentd/task-run.h"
#include "common/cleanup.h"

#include <errno.h>

#define SPEC "{\"id\":\"a\",\"name\":\"n\",\"restart\":\"never\",\"grace_ms\":5}"

#define RECORD_MAX (8U << 20) /* see agentd/task-ledger.c */

static struct task_group *make_many(size_t count)
{
	struct task_specs specs = { calloc(count, sizeof(struct task_spec)), count };
	cleanup_json struct json_doc *doc = NULL;
	struct task_group *group = NULL;

	assert_non_null(specs.items);
	assert_int_equal(json_parse(SPEC, strlen(SPEC), &doc, NULL), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(json_decode(json_root(doc), task_spec_fields,
					 &specs.items[i], NULL),
			0);
	assert_int_equal(task_group_new(&specs, NULL, "boot", &group), 0);
	assert_null(specs.items);
	return group;
}

static struct task_group *make(void)
{
	return make_many(1);
}

static int become(struct task *task, enum task_state state, const char *message)
{
	const struct task_status status = { .state = state,
		.message = (char *)(uintptr_t)message };

	return task_become(task, &status);
}

/* Of all pairs of states only those that go forward are taken, and no terminal one is left. */
static void test_monotone(void **state)
{
	for (uint32_t from = 0; from < TASK_STATE_COUNT; from++) {
		for (uint32_t to = 0; to < TASK_STATE_COUNT; to++) {
			cleanup_task_group struct task_group *group = make();
			struct task *task = group->tasks.items;
			bool is_forward = to > from && from < TASK_FINISHED;
			bool is_again = to == from && from < TASK_FINISHED;

			task->state = from;
			assert_int_equal(become(task, to, NULL), !is_forward);
			assert_int_equal(task->statuses.count, is_forward);
			assert_int_equal(task->state, is_forward ? to : from);
			task->state = from;
			assert_int_equal(
				become(task, to, "news"), !is_forward && !is_again);
		}
	}
}

static void test_attempts(void **state)
{
	cleanup_task_group struct task_group *group = make();
	struct task *task = group->tasks.items;
	cleanup_free char *first = task_container_name(task), *second = NULL;
	uint64_t version;

	assert_string_equal(first, "a");
	assert_int_equal(become(task, TASK_RUNNING, NULL), 0);
	assert_int_equal(str_set(&task->container, "id"), 0);
	version = group->version;
	task_begin_again(task);
	assert_int_equal(task->state, TASK_STARTING);
	assert_null(task->container);
	assert_true(group->version > version);
	second = task_container_name(task);
	assert_string_equal(second, "a+1");
	assert_int_equal(become(task, TASK_STARTING, "again"), 0);
	assert_int_equal(task->statuses.items[1].attempt, 1);
}

static void test_acknowledged(void **state)
{
	cleanup_task_group struct task_group *group = make();
	struct task *task = group->tasks.items;
	cleanup_free char *first = NULL;

	assert_int_equal(become(task, TASK_RUNNING, NULL), 0);
	assert_int_equal(become(task, TASK_FINISHED, NULL), 0);
	assert_null(task_pending(task)); /* not on the disk */
	group->saved_version = 1;
	assert_int_equal(task_pending(task)->state, TASK_RUNNING);
	assert_int_equal(str_set(&first, task_pending(task)->uuid), 0);
	assert_int_equal(strlen(first), 24);
	assert_int_equal(task_acknowledge(task, "none"), -ENOENT);
	assert_int_equal(task_acknowledge(task, first), 0);
	assert_null(task_pending(task)); /* the second is not there yet */
	group->saved_version = group->version;
	assert_int_equal(task_pending(task)->state, TASK_FINISHED);
	assert_int_equal(task_acknowledge(task, first), 1);
	assert_int_equal(task_acknowledge(task, task_pending(task)->uuid), 0);
	assert_null(task_pending(task));
}

/* The acknowledged go first, and only they. */
static void test_many_statuses(void **state)
{
	cleanup_task_group struct task_group *group = make();
	struct task *task = group->tasks.items;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(become(task, TASK_RUNNING, "more"), 0);
		group->saved_version = group->version;
		if (i % 2)
			assert_int_equal(
				task_acknowledge(task, task_pending(task)->uuid), 0);
	}
	assert_true(task->statuses.count >= 50);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(task_acknowledge(task, task_pending(task)->uuid), 0);
	assert_null(task_pending(task));
	assert_int_equal(become(task, TASK_FINISHED, NULL), 0);
	assert_int_equal(task->statuses.count, TASK_STATUSES_MAX);
}

static char *written(const struct task_group *group)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	task_group_write(&w, group);
	return buf_take(&b);
}

static void test_record(void **state)
{
	cleanup_task_group struct task_group *group = make(), *again = NULL;
	cleanup_free char *text = NULL, *text_again = NULL;
	struct task *task = group->tasks.items;
	struct err err = { 0 };

	assert_int_equal(become(task, TASK_RUNNING, "x\n\"y\""), 0);
	task->started_ms = 7;
	task->end = (struct task_end){
		.is_asked = true, .state = TASK_FAILED, .grace_ms = 3
	};
	text = written(group);
	assert_int_equal(task_group_parse(text, strlen(text), &again, &err), 0);
	text_again = written(again);
	assert_string_equal(text, text_again);
	assert_int_equal(again->saved_version, again->version);
	assert_ptr_equal(again->tasks.items[0].group, again);
	assert_true(again->tasks.items[0].end.is_asked);
	assert_int_equal(again->tasks.items[0].spec.grace_ms, 5);
}

/* What its tasks share is of the record, too. */
static void test_group_record(void **state)
{
	struct task_specs specs = { calloc(2, sizeof(struct task_spec)), 2 };
	struct run_options run = { .network = strdup("bridge") };
	cleanup_task_group struct task_group *group = NULL, *again = NULL;
	cleanup_free char *text = NULL;
	struct err err = { 0 };

	for (size_t i = 0; i < specs.count; i++) {
		assert_int_equal(str_set(&specs.items[i].id, i ? "b" : "a"), 0);
		assert_int_equal(str_set(&specs.items[i].name, "n"), 0);
	}
	assert_int_equal(task_group_new(&specs, &run, "boot", &group), 0);
	assert_null(run.network); /* taken over */
	assert_string_equal(group->id, "a");
	assert_ptr_equal(task_group_find(group, "b"), &group->tasks.items[1]);
	assert_int_equal(str_set(&group->sandbox, "id"), 0);
	group->is_cleared = true;
	text = written(group);
	assert_int_equal(task_group_parse(text, strlen(text), &again, &err), 0);
	assert_true(again->is_group && again->is_cleared);
	assert_string_equal(again->run.network, "bridge");
	assert_string_equal(again->sandbox, "id");
}

/* ---- the order in a group ---- */

#define ORDERED 4

static struct task_group *make_ordered(void)
{
	static const char *const texts[ORDERED] = {
		"{\"id\":\"last\",\"name\":\"l\",\"restart\":\"never\",\"depends\":["
		"{\"task\":\"s\",\"condition\":\"FINISHED\"},"
		"{\"task\":\"server\",\"condition\":\"RUNNING\"}]}",
		"{\"id\":\"server\",\"name\":\"s\",\"restart\":\"never\"}",
		"{\"id\":\"one\",\"name\":\"one\",\"restart\":\"never\",\"is_init\":true}",
		"{\"id\":\"two\",\"name\":\"two\",\"restart\":\"never\",\"is_init\":true}",
	};
	struct task_specs specs = { calloc(ORDERED, sizeof(struct task_spec)), ORDERED };
	struct run_options run = { 0 };
	struct task_group *group = NULL;

	for (size_t i = 0; i < ORDERED; i++) {
		cleanup_json struct json_doc *doc = NULL;

		assert_int_equal(json_parse(texts[i], strlen(texts[i]), &doc, NULL), 0);
		assert_int_equal(json_decode(json_root(doc), task_spec_fields,
					 &specs.items[i], NULL),
			0);
	}
	assert_int_equal(task_group_new(&specs, &run, "boot", &group), 0);
	return group;
}

/* After each change, who may start. */
static void test_order(void **state)
{
	static const struct {
		size_t task;
		enum task_state state; /* that it has now */
		bool may[ORDERED];
	} rows[] = {
		{ 0, TASK_STAGING, { false, false, true, false } },
		{ 2, TASK_RUNNING, { false, false, true, false } },
		{ 2, TASK_FINISHED, { false, false, true, true } },
		{ 3, TASK_FAILED, { false, false, true, true } },
		{ 3, TASK_FINISHED, { false, true, true, true } },
		{ 1, TASK_STARTING, { false, true, true, true } },
		{ 1, TASK_RUNNING, { false, true, true, true } },
		{ 1, TASK_KILLED, { false, true, true, true } },
		{ 1, TASK_FINISHED, { true, true, true, true } },
	};
	cleanup_task_group struct task_group *group = make_ordered();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		group->tasks.items[rows[i].task].state = rows[i].state;
		for (size_t n = 0; n < ORDERED; n++)
			assert_int_equal(
				task_may_start(&group->tasks.items[n]), rows[i].may[n]);
	}
}

/* The largest that can be: all tasks of a full group begin again, and nobody hears of it. */
static void test_full_record(void **state)
{
	cleanup_task_group struct task_group *group = make_many(TASK_GROUP_MAX);
	cleanup_task_group struct task_group *again = NULL;
	cleanup_free char *text = NULL;
	char message[512];
	struct err err = { 0 };

	memset(message, 'x', sizeof(message));
	message[sizeof(message) - 1] = '\0';
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task *task = &group->tasks.items[i];

		for (int n = 0; n < 500; n++) {
			task_begin_again(task);
			assert_int_equal(become(task, TASK_STARTING, message), 0);
			assert_int_equal(become(task, TASK_RUNNING, NULL), 0);
		}
		assert_int_equal(become(task, TASK_FAILED, message), 0);
		assert_int_equal(task->statuses.count, TASK_UNHEARD_MAX);
	}
	text = written(group);
	assert_true(strlen(text) < RECORD_MAX);
	assert_int_equal(task_group_parse(text, strlen(text), &again, &err), 0);
	assert_int_equal(again->tasks.items[1].statuses.count, TASK_UNHEARD_MAX);
	assert_int_equal(task_pending(again->tasks.items)->attempt, 500 - 49);
}

static void test_no_record(void **state)
{
	static const char *const texts[] = { "", "[]", "{}", "{\"format\":1}",
		"{\"format\":2,\"id\":\"a\",\"boot_id\":\"b\",\"version\":1,\"tasks\":[]}",
		"{\"format\":1,\"id\":\"a\",\"boot_id\":\"b\",\"version\":1,\"tasks\":[]}",
		"{\"format\":1,\"id\":\"a\",\"boot_id\":\"b\",\"version\":1,\"tasks\":[{\"spec\":" SPEC
		",\"state\":\"TASK_NONE\"}]}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct task_group *group = NULL;
		struct err err = { 0 };

		assert_true(
			task_group_parse(texts[i], strlen(texts[i]), &group, &err) < 0);
		assert_null(group);
		assert_string_not_equal(err.text, "");
	}
}

/* Whichever byte the power took, reading it is safe. */
static void test_torn_record(void **state)
{
	cleanup_task_group struct task_group *group = make();
	cleanup_free char *text = written(group);

	for (size_t len = 0; len < strlen(text); len++) {
		struct task_group *again = NULL;

		assert_true(task_group_parse(text, len, &again, NULL) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotone),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_many_statuses),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_group_record),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full_record),
		cmocka_unit_test(test_no_record),
		cmocka_unit_test(test_torn_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
