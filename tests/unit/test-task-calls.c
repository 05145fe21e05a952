/* SPDX-License-Identifier: Apache-2.0 */
/* TaskInfo and its like, from the JSON of a call. */
#include "tests/unit/unit.h"

#include "agentd/api-calls.h"
#include "common/cleanup.h"

#include <errno.h>

static int parse(const char *text, struct agent_call *ret, struct err *err)
{
	*err = (struct err){ 0 };
	return api_call_parse(text, strlen(text), ret, err);
}

/* As the engine gets it. */
static void pass_on(struct agent_call *call)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	call->id = 1;
	agent_call_write(&w, call);
	assert_int_equal(buf_finish(&b), 0);
	agent_call_done(call);
	*call = (struct agent_call){ 0 };
	assert_int_equal(agent_call_parse(b.data, b.len, call, NULL), 0);
	assert_int_equal(agent_call_check(call, NULL), 0);
}

static void test_task(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	const struct task_spec *spec;
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"LAUNCH_TASK\",\"launch_task\":{\"task_info\":{\"name\":\"n\","
		      "\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"x\"},\"command\":{"
		      "\"value\":\"x y\",\"environment\":{\"variables\":[{\"name\":\"S\",\"value\":"
		      "\"hidden\"}]}},\"resources\":[{\"name\":\"mem\",\"scalar\":{\"value\":32}}],"
		      "\"labels\":{\"labels\":[{\"key\":\"k\",\"value\":null}]},\"kill_policy\":{"
		      "\"grace_period\":{\"nanoseconds\":1500000000}},\"max_completion_time\":{"
		      "\"nanoseconds\":1},\"restart\":{\"policy\":\"on-failure\",\"attempts\":4,"
		      "\"backoff_seconds\":0.25},\"health_check\":null}}}",
			&call, &err),
		0);
	pass_on(&call);
	assert_string_equal(call.op, "launch-tasks");
	assert_false(call.is_group);
	assert_int_equal(call.tasks.count, 1);
	spec = call.tasks.items;
	assert_string_equal(spec->id, "t");
	assert_string_equal(spec->name, "n");
	assert_string_equal(spec->run.command[2], "x y");
	assert_string_equal(spec->run.env[0], "S=hidden");
	assert_string_equal(spec->run.memory, "33554432");
	assert_int_equal(spec->grace_ms, 1500);
	assert_int_equal(spec->max_completion_ms, 1);
	assert_int_equal(spec->restart.policy, RESTART_ON_FAILURE);
	assert_int_equal(spec->restart.attempts, 4);
	assert_int_equal(spec->restart.backoff_ms, 250);
	assert_int_equal(spec->restart.backoff_max_ms, 300000);
	assert_non_null(strstr(spec->shown, "\"labels\""));
	assert_null(strstr(spec->shown, "hidden"));
}

static void test_group(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"LAUNCH_TASK_GROUP\",\"launch_task_group\":{\"executor\":{"
		      "\"type\":\"DEFAULT\",\"resources\":[{\"name\":\"mem\",\"scalar\":{"
		      "\"value\":32}}],\"container\":{\"type\":\"MESOS\",\"hostname\":\"h\","
		      "\"network_infos\":[{\"name\":\"bridge\",\"port_mappings\":[{"
		      "\"host_port\":8080,\"container_port\":80}]}]}},\"task_group\":{"
		      "\"tasks\":[{\"task_id\":{\"value\":\"a\"},\"command\":{\"value\":\"x\"},"
		      "\"init\":true},{\"task_id\":{\"value\":\"b\"},\"command\":{\"value\":\"x\"},"
		      "\"depends_on\":[{\"task\":\"a\",\"condition\":\"FINISHED\"}]}]}}}",
			&call, &err),
		0);
	pass_on(&call);
	assert_true(call.is_group);
	assert_string_equal(call.run.network, "bridge");
	assert_string_equal(call.run.publish[0], "8080:80/tcp");
	assert_string_equal(call.run.hostname, "h");
	assert_string_equal(call.run.memory, "33554432");
	assert_int_equal(call.tasks.count, 2);
	assert_true(call.tasks.items[0].is_init);
	assert_string_equal(call.tasks.items[0].name, "a");
	assert_int_equal(call.tasks.items[0].grace_ms, TASK_GRACE_MS);
	assert_int_equal(call.tasks.items[1].depends.items[0].condition, AFTER_FINISHED);
	assert_non_null(strstr(call.tasks.items[1].shown, "depends_on"));
}

static void test_others(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 }, kill = { 0 }, ids = { 0 };
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"ACKNOWLEDGE\",\"acknowledge\":{\"task_id\":{\"value\":\"t\"},"
		      "\"uuid\":\"AA==\"}}",
			&call, &err),
		0);
	pass_on(&call);
	assert_string_equal(call.task, "t");
	assert_string_equal(call.uuid, "AA==");
	assert_int_equal(
		parse("{\"type\":\"KILL_TASK\",\"kill_task\":{\"task_id\":{\"value\":\"t\"},"
		      "\"kill_policy\":{\"grace_period\":{\"nanoseconds\":0}}}}",
			&kill, &err),
		0);
	pass_on(&kill);
	assert_true(kill.has_grace);
	assert_int_equal(kill.grace_ms, 0);
	assert_int_equal(
		parse("{\"type\":\"RECONCILE\",\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":"
		      "\"t\"},\"agent_id\":null}]}}",
			&ids, &err),
		0);
	pass_on(&ids);
	assert_string_equal(ids.task_ids[0], "t");
}

#define TASK(id, more)                                                                           \
	"{\"type\":\"LAUNCH_TASK\",\"launch_task\":{\"task_info\":{\"task_id\":{\"value\":\"" id \
	"\"},\"command\":{\"value\":\"x\"}" more "}}}"

#define MEMBER(id, more)                                                                 \
	"{\"task_id\":{\"value\":\"" id "\"},\"command\":{\"value\":\"x\"}" more "}"
#define GROUP(tasks, more)                                                               \
	"{\"type\":\"LAUNCH_TASK_GROUP\",\"launch_task_group\":{" more                   \
	"\"task_group\":{"                                                               \
	"\"tasks\":[" tasks "]}}}"
#define AFTER(task) ",\"depends_on\":[{\"task\":\"" task "\"}]"
#define AFTER_END(task)                                                                  \
	",\"depends_on\":[{\"task\":\"" task "\",\"condition\":\"FINISHED\"}]"
#define FIRST ",\"init\":true"
#define ALWAYS(more) ",\"restart\":{\"policy\":\"always\"" more "}"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ TASK("a", ",\"depends_on\":[{\"task\":\"b\"}]"), "depends_on" },
		{ TASK("a", ",\"init\":true"), "init" },
		{ TASK("a", ",\"executor\":{\"x\":1}"), "executor" },
		{ TASK("a", ",\"health_check\":{\"type\":\"TCP\"}"), "health_check" },
		{ TASK("a", ",\"restart\":{\"policy\":\"maybe\"}"), "restart.policy" },
		{ TASK("a/b", ""), "task_id" },
		{ GROUP("", ""), "1 to 64" },
		{ GROUP("3", ""), "object" },
		{ GROUP(MEMBER("a", "") "," MEMBER("a", ""), ""), "task_id a" },
		{ GROUP(MEMBER("a", AFTER("b")), ""), "no task b" },
		{ GROUP(MEMBER("a", AFTER("b")) "," MEMBER("b", AFTER("a")), ""),
			"wait for each other" },
		{ GROUP(MEMBER("a", FIRST AFTER("b")) "," MEMBER("b", FIRST), ""),
			"wait for each other: this one for " },
		{ GROUP(MEMBER("x", "") "," MEMBER("a", FIRST ALWAYS("")), ""),
			"task a: restart" },
		{ GROUP(MEMBER("a", AFTER_END("b")) "," MEMBER("b", ALWAYS("")), ""),
			"task a: depends_on: waits until b is FINISHED" },
		{ GROUP(MEMBER("a", ",\"init\":true" AFTER("b")) "," MEMBER("b", ""), ""),
			"no init task" },
		{ GROUP(MEMBER("a", ",\"container\":{\"type\":\"MESOS\",\"hostname\":"
				    "\"h\"}"),
			  ""),
			"hostname" },
		{ GROUP(MEMBER("a", ""), "\"executor\":{\"command\":{}},"),
			"executor.command" },
		{ GROUP(MEMBER("a", ""),
			  "\"executor\":{\"shutdown_grace_period\":{\"nanoseconds\":1}},"),
			"executor.shutdown_grace_period" },
		{ "{\"type\":\"KILL_TASK\",\"kill_task\":{\"task_id\":{}}}", "value" },
		{ "{\"type\":\"RECONCILE\",\"reconcile\":{\"tasks\":[1]}}", "tasks" },
	};
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_call call = { 0 };

		assert_int_equal(parse(rows[i].text, &call, &err), -EINVAL);
		if (!strstr(err.text, rows[i].word))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

/* What comes to an end is waited for. */
static void test_waits(void **state)
{
	static const char *const texts[] = {
		GROUP(MEMBER("a", FIRST) "," MEMBER("b", FIRST AFTER("a")), ""),
		GROUP(MEMBER("x", AFTER("a")) "," MEMBER("a", FIRST), ""),
		GROUP(MEMBER("a", FIRST ALWAYS(",\"attempts\":2")), ""),
		GROUP(MEMBER("a", AFTER_END("b")) "," MEMBER(
			      "b", ALWAYS(",\"attempts\":2")),
			""),
		GROUP(MEMBER("a", AFTER("b")) "," MEMBER("b", ALWAYS("")), ""),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		struct err err;

		if (parse(texts[i], &call, &err) < 0)
			fail_msg("%s: %s", texts[i], err.text);
	}
}

/* The engine is not led into a circle, whoever asks it. */
static void test_order(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {
		{ "[{\"id\":\"a\",\"name\":\"a\",\"restart\":\"never\"},{\"id\":\"b\",\"name\":\"b\","
		  "\"restart\":\"never\",\"depends\":[{\"task\":\"a\",\"condition\":\"RUNNING\"}]}]",
			true },
		{ "[{\"id\":\"a\",\"name\":\"a\",\"restart\":\"never\",\"depends\":[{\"task\":\"a\","
		  "\"condition\":\"RUNNING\"}]}]",
			false },
		{ "[{\"id\":\"a\",\"name\":\"a\",\"restart\":\"never\"},{\"id\":\"a\",\"name\":\"b\","
		  "\"restart\":\"never\"}]",
			false },
		{ "[]", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const struct json_field fields[] = {
			{ "tasks", json_array, 0, true, &task_spec_array }, { 0 }
		};
		cleanup_free char *text = str_printf("{\"tasks\":%s}", rows[i].text);
		cleanup_json struct json_doc *doc = NULL;
		struct task_specs specs = { 0 };
		struct err err = { 0 };

		assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
		assert_int_equal(json_decode(json_root(doc), fields, &specs, &err), 0);
		assert_int_equal(task_specs_check(&specs, &err) == 0, rows[i].is_good);
		json_release(fields, &specs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
