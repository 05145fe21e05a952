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
		{ "{\"type\":\"PROFILE_CONTAINER\",\"profile_container\":{\"container_id\":{"
		  "\"value\":\"a\"},\"duration_ms\":0,\"frequency\":99}}",
			-EINVAL, "duration 0 ms: want 1 to 3600000" },
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

#define CONTAINER(text)                                                                            \
	"{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":{\"value\":\"a\"}," \
	"\"command\":{\"value\":\"x\"},\"container\":{\"type\":\"MESOS\"," text "}}}"
#define VALUE "{\"type\":\"VALUE\",\"value\":{\"data\":\"eA==\"}}"

static void test_container_info(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	const struct run_options *run = &call.run;
	struct err err;

	assert_int_equal(
		parse(CONTAINER(
			      "\"volumes\":[{\"container_path\":\"/a\",\"host_path\":\"/h\",\"mode\":"
			      "\"RO\"},{\"container_path\":\"b\",\"source\":{\"type\":\"HOST_PATH\","
			      "\"host_path\":{\"path\":\"/i\"}}},{\"container_path\":\"/c\",\"source\":{"
			      "\"type\":\"SECRET\",\"secret\":" VALUE "}}],"
			      "\"linux_info\":{\"share_pid_namespace\":false,\"ipc_mode\":\"PRIVATE\","
			      "\"effective_capabilities\":{\"capabilities\":[\"NET_RAW\",\"KILL\"]},"
			      "\"bounding_capabilities\":{\"capabilities\":[\"CHOWN\"]},\"shm_size\":64,"
			      "\"seccomp\":{\"unconfined\":true}},\"rlimit_info\":{\"rlimits\":[{\"type\":"
			      "\"RLMT_NOFILE\",\"soft\":1,\"hard\":2},{\"type\":\"RLMT_CORE\"}]},"
			      "\"tty_info\":{}"),
			&call, &err),
		0);
	assert_int_equal(strv_len((strv)run->volumes), 2);
	assert_string_equal(run->volumes[0], "/h:/a:ro");
	assert_string_equal(run->volumes[1], "/i:/mnt/mesos/sandbox/b:rw");
	assert_string_equal(run->secrets[0], "/c=eA==");
	assert_string_equal(run->cap_drop[0], "ALL");
	assert_int_equal(strv_len((strv)run->cap_add), 2);
	assert_string_equal(run->cap_add[1], "KILL");
	assert_string_equal(run->shm_size, "64m");
	assert_string_equal(run->security_opts[0], "seccomp=unconfined");
	assert_string_equal(run->ulimits[0], "nofile=1:2");
	assert_string_equal(run->ulimits[1], "core=unlimited:unlimited");
	assert_true(run->has_terminal && run->is_interactive);
}

/* Of names none at all are asked for. */
static void test_no_capabilities(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse(CONTAINER("\"linux_info\":{\"effective_capabilities\":{}}"), &call,
			&err),
		0);
	assert_string_equal(call.run.cap_drop[0], "ALL");
	assert_null(call.run.cap_add);
}

#define VOLUMES(text) CONTAINER("\"volumes\":[{\"container_path\":\"/a\"," text "}]")
#define LINUX(text) CONTAINER("\"linux_info\":" text)
#define LIMITS(text) CONTAINER("\"rlimit_info\":" text)
#define DISK(text)                                                                                 \
	"{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":{\"value\":\"a\"}," \
	"\"command\":{\"value\":\"x\"},\"resources\":[{\"name\":\"disk\"," text "}]}}"

#define VARIABLE(text)                                                                             \
	"{\"type\":\"LAUNCH_CONTAINER\",\"launch_container\":{\"container_id\":{\"value\":\"a\"}," \
	"\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":\"A\"" text        \
	"}]}}}}"

static void test_secret_variable(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse(VARIABLE(",\"type\":\"SECRET\",\"secret\":" VALUE), &call, &err),
		0);
	assert_string_equal(call.run.secret_env[0], "A=eA==");
	assert_null(call.run.env);
}

#define CREATE(text)                                                                             \
	"{\"type\":\"CREATE_VOLUMES\",\"create_volumes\":{\"volumes\":[{\"name\":\"disk\"," text \
	"}]}}"

/* Its size is cut to whole bytes, and is none where it is not said. */
static void test_volumes(void **state)
{
	static const struct {
		const char *text, *role;
		uint64_t bytes;
	} rows[] = {
		{ CREATE("\"role\":\"www\",\"scalar\":{\"value\":1.9999999},\"disk\":{"
			 "\"persistence\":{\"id\":\"d\"}}"),
			"www", 2097151 },
		{ CREATE("\"role\":null,\"disk\":{\"persistence\":{\"id\":\"d\"}}"), NULL,
			0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		struct err err;

		assert_int_equal(parse(rows[i].text, &call, &err), 0);
		assert_int_equal(call.volumes.count, 1);
		assert_string_equal(call.volumes.items[0].name, "d");
		assert_true(!call.volumes.items[0].role == !rows[i].role);
		if (rows[i].role)
			assert_string_equal(call.volumes.items[0].role, rows[i].role);
		assert_true(call.volumes.items[0].bytes == rows[i].bytes);
	}
}

struct wrong {
	const char *text, *word;
};

static void assert_wrong(const struct wrong *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		struct err err;

		if (parse(rows[i].text, &call, &err) != -EINVAL ||
			!strstr(err.text, rows[i].word))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

/* A value of the wrong type is not an absent one. */
static void test_wrong_types(void **state)
{
	static const struct wrong rows[] = {
		{ VOLUMES("\"host_path\":\"/h\",\"mode\":2"), "volumes[0].mode must be" },
		{ VOLUMES("\"host_path\":3"), "volumes[0].host_path must be" },
		{ VOLUMES("\"source\":\"SECRET\""), "volumes[0].source must be" },
		{ VOLUMES("\"source\":{\"type\":\"HOST_PATH\",\"host_path\":{\"path\":\"/h\","
			  "\"mount_propagation\":{\"mode\":1}}}"),
			"source.host_path.mount_propagation is refused: what is mounted later" },
		{ VOLUMES("\"source\":{\"type\":\"SECRET\",\"secret\":{\"type\":1}}"),
			"volumes[0].source.secret.type must be" },
		{ VOLUMES("\"source\":{\"type\":\"SECRET\"}"), "a secret that is not" },
		{ CONTAINER("\"volumes\":[3]"), "volumes[0] must be an object" },
		{ LINUX("\"x\""), "linux_info must be an object" },
		{ LINUX("{\"share_pid_namespace\":1}"),
			"linux_info.share_pid_namespace must be" },
		{ LINUX("{\"share_pid_namespace\":true}"),
			"linux_info.share_pid_namespace is refused" },
		{ LINUX("{\"ipc_mode\":2}"), "linux_info.ipc_mode must be" },
		{ LINUX("{\"ipc_mode\":\"SHARE_PARENT\"}"),
			"linux_info.ipc_mode is refused" },
		{ LINUX("{\"effective_capabilities\":[\"KILL\"]}"),
			"linux_info.effective_capabilities must be an object" },
		{ LINUX("{\"effective_capabilities\":{\"capabilities\":\"KILL\"}}"),
			"effective_capabilities.capabilities must be an array" },
		{ LINUX("{\"bounding_capabilities\":{\"capabilities\":[\"\"]}}"),
			"bounding_capabilities.capabilities must be of names" },
		{ LINUX("{\"shm_size\":\"64\"}"), "linux_info.shm_size must be" },
		{ LINUX("{\"seccomp\":true}"), "linux_info.seccomp must be" },
		{ LINUX("{\"seccomp\":{\"unconfined\":\"true\"}}"),
			"linux_info.seccomp.unconfined must be" },
		{ LINUX("{\"seccomp\":{\"profile_name\":3}}"),
			"linux_info.seccomp.profile_name is refused" },
		{ LIMITS("[]"), "rlimit_info must be an object" },
		{ LIMITS("{\"rlimits\":\"x\"}"), "rlimit_info.rlimits must be an array" },
		{ LIMITS("{\"rlimits\":[{\"type\":\"RLMT_CORE\",\"soft\":1,\"hard\":\"1\"}]}"),
			"rlimit_info.rlimits[0].hard must be" },
		{ LIMITS("{\"rlimits\":[{\"type\":\"RLMT_CORE\",\"soft\":1}]}"),
			"rlimit_info must be of limits" },
		{ VARIABLE(",\"value\":3"), "environment.variables[0].value must be" },
		{ VARIABLE(",\"type\":3"), "environment.variables[0].type must be" },
		{ VARIABLE(
			  ",\"type\":\"SECRET\",\"secret\":{\"type\":\"VALUE\",\"value\":{"
			  "\"data\":1}}"),
			"variables[0].secret.value.data must be" },
		{ VARIABLE(",\"type\":\"SECRET\",\"secret\":{\"type\":\"REFERENCE\"}"),
			"a secret that is not" },
		{ CONTAINER("\"tty_info\":true"), "tty_info must be" },
	};

	assert_wrong(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_wrong_resources(void **state)
{
	static const struct wrong rows[] = {
		{ CREATE("\"role\":3,\"disk\":{\"persistence\":{\"id\":\"d\"}}"),
			"create_volumes.volumes[0].role must be" },
		{ CREATE("\"disk\":{\"persistence\":{\"id\":3}}"),
			"volumes[0].disk.persistence.id must be" },
		{ CREATE("\"disk\":{\"persistence\":{\"id\":\"../d\"}}"),
			"volumes[0].disk.persistence.id must be a name" },
		{ CREATE("\"disk\":{}"), "volumes[0].disk.persistence is missing" },
		{ CREATE("\"scalar\":3,\"disk\":{\"persistence\":{\"id\":\"d\"}}"),
			"volumes[0].scalar must be" },
		{ CREATE("\"scalar\":{\"value\":\"3\"},\"disk\":{\"persistence\":{\"id\":\"d\"}}"),
			"volumes[0].scalar.value must give" },
		{ CREATE("\"scalar\":{\"value\":-3},\"disk\":{\"persistence\":{\"id\":\"d\"}}"),
			"volumes[0].scalar.value has -3 for disk, which is out of range" },
		{ DISK("\"disk\":1"), "disk must be an object" },
		{ DISK("\"disk\":{\"persistence\":{\"id\":1}}"),
			"persistence.id must be" },
		{ DISK("\"role\":3,\"disk\":{\"persistence\":{\"id\":\"d\"},\"volume\":{"
		       "\"container_path\":\"/d\"}}"),
			"role must be" },
		{ DISK("\"disk\":{\"persistence\":{\"id\":\"d\"},\"volume\":{\"mode\":1,"
		       "\"container_path\":\"/d\"}}"),
			"disk.volume.mode must be" },
	};

	assert_wrong(rows, sizeof(rows) / sizeof(rows[0]));
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
		cmocka_unit_test(test_container_info),
		cmocka_unit_test(test_no_capabilities),
		cmocka_unit_test(test_secret_variable),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_wrong_resources),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
