/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/api-calls.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

static int parse(const char *text, struct agent_call *ret, struct err *err)
{
	*err = (struct err){ 0 };
	return api_call_parse(text, strlen(text), ret, err);
}

static void test_launch(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":"
		      "{\"value\":\"a\"},\"command\":{\"value\":\"x y\",\"user\":\"1:2\",\"uris\":["
		      "{\"value\":\"http://h/a\",\"extract\":false,\"cache\":true}],\"environment\":"
		      "{\"variables\":[{\"name\":\"A\",\"value\":\"b=c\"},{\"name\":\"E\"}]}},"
		      "\"container\":{\"type\":\"MESOS\",\"hostname\":\"h\",\"mesos\":{\"image\":{"
		      "\"type\":\"DOCKER\",\"docker\":{\"name\":\"n\"}}}},\"resources\":[{\"name\":"
		      "\"cpus\",\"scalar\":{\"value\":1.5}},{\"name\":\"mem\",\"scalar\":{\"value\":"
		      "32}}],\"unknown\":{}}}",
			&call, &err),
		0);
	assert_string_equal(call.op, "launch");
	assert_string_equal(call.container, "a");
	assert_string_equal(call.run.command[0], "/bin/sh");
	assert_string_equal(call.run.command[2], "x y");
	assert_string_equal(call.run.user, "1:2");
	assert_string_equal(call.image, "n");
	assert_string_equal(call.run.hostname, "h");
	assert_string_equal(call.run.env[0], "A=b=c");
	assert_string_equal(call.run.env[1], "E=");
	assert_string_equal(call.run.uris[0], "http://h/a,extract=false,cache=true");
	assert_string_equal(call.run.cpu_shares, "1536");
	assert_string_equal(call.run.memory, "33554432");
}

/* Without a limit mem is only what is kept for it. */
static void test_memory(void **state)
{
	static const struct {
		const char *limits, *reservation, *memory;
	} rows[] = {
		{ "", NULL, "33554432" },
		{ ",\"limits\":{\"cpus\":{\"value\":1}}", NULL, "33554432" },
		{ ",\"limits\":{\"mem\":{\"value\":64}}", "33554432", "67108864" },
		{ ",\"limits\":{\"mem\":{\"value\":\"Infinity\"}}", "33554432", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		cleanup_free char *text = str_printf(
			"{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":"
			"{\"value\":\"a\"},\"command\":{\"value\":\"x\"},\"resources\":[{\"name\":"
			"\"mem\",\"scalar\":{\"value\":32}}]%s}}",
			rows[i].limits);
		const struct run_options *run = &call.run;
		struct err err;

		assert_int_equal(parse(text, &call, &err), 0);
		assert_true(!run->memory_reservation == !rows[i].reservation);
		if (rows[i].reservation)
			assert_string_equal(run->memory_reservation, rows[i].reservation);
		assert_true(!run->memory == !rows[i].memory);
		if (rows[i].memory)
			assert_string_equal(run->memory, rows[i].memory);
	}
}

#define INFOS(text)                                                                                \
	"{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":{\"value\":\"a\"}," \
	"\"command\":{\"value\":\"x\"},\"container\":{\"type\":\"MESOS\",\"network_infos\":" text  \
	"}}}"

static void test_networks(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse(INFOS("[{\"name\":\"bridge:shared\",\"port_mappings\":[{\"host_port\":1,"
			    "\"container_port\":65535},{\"host_port\":2,\"container_port\":3,"
			    "\"protocol\":\"udp\"}]}]"),
			&call, &err),
		0);
	assert_string_equal(call.run.network, "bridge:shared");
	assert_int_equal(strv_len(call.run.publish), 2);
	assert_string_equal(call.run.publish[0], "1:65535/tcp");
	assert_string_equal(call.run.publish[1], "2:3/udp");
}

static void test_no_networks(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(parse(INFOS("[]"), &call, &err), 0);
	assert_null(call.run.network);
}

static void test_program(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":"
		      "{\"value\":\"a\"},\"command\":{\"shell\":false,\"arguments\":[\"x\",\"y\"],"
		      "\"value\":null}}}",
			&call, &err),
		0);
	assert_int_equal(strv_len(call.run.command), 2);
	assert_string_equal(call.run.command[0], "x");
}

static void test_session(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse("{\"type\":\"LAUNCH_NESTED_CONTAINER_SESSION\","
		      "\"launch_nested_container_session\":{\"container_id\":{\"value\":"
		      "\"a\",\"parent\":{\"value\":\"b\",\"parent\":{\"value\":\"c\"}}},"
		      "\"nesting\":true,\"command\":{\"value\":\"x\"}}}",
			&call, &err),
		0);
	assert_string_equal(call.op, "launch");
	assert_true(call.is_nested && call.is_attached);
	assert_true(call.run.is_session && call.run.has_nesting);
	assert_string_equal(call.container, "a");
	assert_string_equal(call.parents[0], "c");
	assert_string_equal(call.parents[1], "b");
	assert_null(call.parents[2]);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *word;
	} rows[] = {
		{ "", -EINVAL, "" },
		{ "[]", -EINVAL, "object" },
		{ "{}", -EINVAL, "type" },
		{ "{\"type\":1}", -EINVAL, "type" },
		{ "{\"type\":\"NOTHING\"}", -EINVAL, "NOTHING" },
		{ "{\"type\":\"GET_STATE\"}", -ENOSYS, "GET_STATE" },
		{ "{\"type\":\"WAIT_CONTAINER\"}", -EINVAL, "wait_container is missing" },
		{ "{\"type\":\"WAIT_CONTAINER\",\"wait_container\":{\"container_id\":{\"value\":"
		  "\"a/b\"}}}",
			-EINVAL, "container_id.value" },
		{ "{\"type\":\"KILL_CONTAINER\",\"kill_container\":{\"container_id\":{\"value\":"
		  "\"a\"},\"signal\":-1}}",
			-EINVAL, "kill_container.signal" },
		{ "{\"type\":\"KILL_CONTAINER\",\"kill_container\":{\"container_id\":{\"value\":"
		  "\"a\",\"parent\":{\"value\":\"b\",\"parent\":{\"value\":3}}}}}",
			-EINVAL, "kill_container.container_id.parent must be" },
		{ "{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":{"
		  "\"value\":\"a\"},\"command\":{\"value\":\"x\",\"uris\":[{\"value\":\"http://h/x\","
		  "\"output_file\":\"a,cache=true\"}]}}}",
			-EINVAL, "comma" },
		{ INFOS("[{\"port_mappings\":[{\"host_port\":1,\"container_port\":2},{"
			"\"host_port\":65536,\"container_port\":2}]}]"),
			-EINVAL,
			"container.network_infos[0].port_mappings[1].host_port must be" },
		{ INFOS("[{\"ip_addresses\":[{}]}]"), -EINVAL,
			"network_infos[0].ip_addresses is refused" },
		{ INFOS("[{},{}]"), -EINVAL, "joins one network" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_call call = { 0 };
		struct err err;

		assert_int_equal(parse(rows[i].text, &call, &err), rows[i].code);
		if (!strstr(err.text, rows[i].word))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_null(call.op);
	}
}

/* What ucr-api would never hand on is refused by the engine, too. */
static void test_check(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ "{\"id\":1,\"op\":\"launch\",\"container\":\"/etc/passwd\",\"run\":{"
		  "\"command\":[\"x\"]}}",
			"container_id" },
		{ "{\"id\":1,\"op\":\"launch\",\"run\":{\"command\":[\"x\"]}}",
			"container_id" },
		{ "{\"id\":1,\"op\":\"docker-create\",\"run\":{\"uris\":[\"file:///etc/shadow\"]}}",
			"uris[0]" },
		{ "{\"id\":1,\"op\":\"launch\",\"container\":\"a\"}",
			"a command is needed" },
		{ "{\"id\":1,\"op\":\"launch\",\"container\":\"a\",\"run\":{\"command\":[\"x\"],"
		  "\"uris\":[\"/etc/shadow\"]}}",
			"uris[0]" },
		{ "{\"id\":1,\"op\":\"launch\",\"container\":\"a\",\"run\":{\"command\":[\"x\"],"
		  "\"env\":[\"HOME\"]}}",
			"environment" },
		{ "{\"id\":1,\"op\":\"kill\"}", "container_id" },
		{ "{\"id\":1,\"op\":\"wait\",\"container\":\"..\"}", "container_id" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		struct err err = { 0 };

		assert_int_equal(
			agent_call_parse(rows[i].text, strlen(rows[i].text), &call, &err),
			0);
		assert_int_equal(agent_call_check(&call, &err), -EINVAL);
		if (!strstr(err.text, rows[i].word))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launch),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_no_networks),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
