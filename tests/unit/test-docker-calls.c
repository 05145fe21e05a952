/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/docker-body.h"
#include "agentd/docker-calls.h"
#include "agentd/docker-event.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

static int parse(const char *method, const char *path, char *const *query,
	const char *body, struct agent_call *ret, struct err *err)
{
	const struct docker_request request = { .method = method,
		.path = path,
		.query = query,
		.body = body,
		.body_len = strlen(body) };
	const struct docker_route *route;
	int r;

	*err = (struct err){ 0 };
	r = docker_route_find(method, path, &route, err);
	return r < 0 ? r : docker_call_parse(route, &request, ret, err);
}

static void test_paths(void **state)
{
	static const struct {
		const char *method, *path, *op, *container, *image;
	} rows[] = {
		{ "GET", "/_ping", "docker-ping", NULL, NULL },
		{ "GET", "/v1.41/_ping", "docker-ping", NULL, NULL },
		{ "GET", "/v1.24/containers/a/json", "docker-inspect", "a", NULL },
		{ "GET", "/containers/json", "docker-list", NULL, NULL },
		{ "DELETE", "/containers/a.b", "docker-remove", "a.b", NULL },
		{ "GET", "/images/json", "docker-images", NULL, NULL },
		{ "GET", "/images/a/json", "docker-image", NULL, "a" },
		{ "GET", "/images/h:5000/a/b:1/json", "docker-image", NULL,
			"h:5000/a/b:1" },
		{ "DELETE", "/images/a/b@sha256:00", "docker-untag", NULL,
			"a/b@sha256:00" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_agent_call struct agent_call call = { 0 };
		struct err err;

		assert_int_equal(
			parse(rows[i].method, rows[i].path, NULL, "", &call, &err), 0);
		assert_string_equal(call.op, rows[i].op);
		assert_true(!rows[i].container == !call.container);
		assert_true(!rows[i].image == !call.image);
		if (call.container)
			assert_string_equal(call.container, rows[i].container);
		if (call.image)
			assert_string_equal(call.image, rows[i].image);
	}
}

static void test_other_paths(void **state)
{
	static const struct {
		const char *method, *path;
		int r;
	} rows[] = {
		{ "GET", "/nothing", -ENOENT },
		{ "GET", "", -ENOENT },
		{ "GET", "/v1.41", -ENOENT },
		{ "GET", "/v1.41/", -ENOENT },
		{ "GET", "/v1.0/info", -ENOENT },
		{ "GET", "/v1.4294967297/info", -ENOENT },
		{ "GET", "/v1.42/info", -EINVAL },
		{ "GET", "/v1.23/info", -EINVAL },
		{ "GET", "/containers//json", -ENOENT },
		{ "GET", "/containers/a/b/json", -ENOENT },
		{ "POST", "/containers/json", -EOPNOTSUPP },
		{ "POST", "/containers/a/rename", -ENOENT },
		{ "POST", "/build", -ENOSYS },
		{ "POST", "/builder", -ENOENT },
		{ "POST", "/v1.41/swarm/init", -ENOSYS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct docker_route *route;
		struct err err = { 0 };

		assert_int_equal(
			docker_route_find(rows[i].method, rows[i].path, &route, &err),
			rows[i].r);
		assert_true(*err.text);
	}
	assert_false(docker_is_path("/api/v1"));
	assert_false(docker_is_path("/health"));
	assert_true(docker_is_path("/v1.41/whatever"));
	assert_true(docker_is_path("/exec/x/start"));
}

static void test_query(void **state)
{
	char *const query[] = { (char[]){ "all=1" }, (char[]){ "limit=-1" },
		(char[]){
			"filters={\"label\":[\"a=b\"],\"name\":{\"x\":true,\"y\":false}}" },
		NULL };
	char *const log[] = { (char[]){ "stdout=true" }, (char[]){ "stderr=0" },
		(char[]){ "since=5.25" }, (char[]){ "tail=3" }, NULL };
	cleanup_agent_call struct agent_call call = { 0 }, logs = { 0 };
	struct err err;

	assert_int_equal(parse("GET", "/containers/json", query, "", &call, &err), 0);
	assert_true(call.docker.is_all);
	assert_int_equal(call.docker.limit, 0);
	assert_int_equal(strv_len(call.docker.filters), 2);
	assert_string_equal(call.docker.filters[0], "label=a=b");
	assert_string_equal(call.docker.filters[1], "name=x");
	assert_int_equal(parse("GET", "/containers/a/logs", log, "", &logs, &err), 0);
	assert_true(logs.docker.has_stdout && !logs.docker.has_stderr);
	assert_int_equal(logs.docker.since, 5250000000);
	assert_true(logs.docker.has_tail);
	assert_int_equal(logs.docker.tail, 3);
}

static void test_wrong_query(void **state)
{
	static const struct {
		const char *method, *path;
		char word[48];
	} rows[] = {
		{ "GET", "/containers/json", "limit=x" },
		{ "GET", "/containers/json", "filters=x" },
		{ "GET", "/containers/json", "filters=[]" },
		{ "GET", "/containers/json", "filters={\"a\":1}" },
		{ "GET", "/containers/json", "filters={\"a\":[1]}" },
		{ "GET", "/containers/a/logs", "tail=-1" },
		{ "GET", "/containers/a/logs", "since=1.x" },
		{ "GET", "/containers/a/logs", "since=9999999999999999" },
		{ "POST", "/containers/a/stop", "t=1h" },
		{ "POST", "/containers/a/resize", "h=-2" },
		{ "GET", "/containers/a/stats", "one-shot=1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char word[48];
		char *const query[] = { word, NULL };
		struct agent_call call;
		struct err err;

		memcpy(word, rows[i].word, sizeof(word));
		assert_int_equal(
			parse(rows[i].method, rows[i].path, query, "", &call, &err),
			-EINVAL);
		*strchr(word, '=') = '\0';
		assert_non_null(strstr(err.text, word));
	}
}

static void test_create(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	char *const query[] = { (char[]){ "name=n" }, (char[]){ "platform=linux/arm64" },
		NULL };
	struct err err;

	assert_int_equal(
		parse("POST", "/containers/create", query,
			"{\"Image\":\"i\",\"Cmd\":[\"a\",\"b\"],\"Entrypoint\":[\"/e\",\"x\"],"
			"\"Env\":[\"A=b\",\"NONE\"],\"Tty\":true,\"OpenStdin\":true,\"User\":\"1:2\","
			"\"Hostname\":\"\",\"Domainname\":\"\",\"Volumes\":null,\"OnBuild\":null,"
			"\"Labels\":{\"l\":\"v\"},\"StopTimeout\":3,\"HostConfig\":{\"Binds\":null,"
			"\"NetworkMode\":\"default\",\"RestartPolicy\":{\"Name\":\"no\"},"
			"\"Memory\":65536,\"MemorySwap\":-1,\"MemorySwappiness\":-1,\"NanoCpus\":"
			"1500000000,\"AutoRemove\":true,\"Tmpfs\":{\"/t\":\"size=1m\"},\"CapAdd\":[],"
			"\"Privileged\":false,\"ShmSize\":0,\"PidsLimit\":0,\"LogConfig\":{\"Type\":"
			"\"\",\"Config\":{}}},\"NetworkingConfig\":{\"EndpointsConfig\":{}}}",
			&call, &err),
		0);
	assert_string_equal(call.op, "docker-create");
	assert_string_equal(call.container, "n");
	assert_string_equal(call.platform, "linux/arm64");
	assert_string_equal(call.image, "i");
	assert_string_equal(call.run.command[1], "b");
	assert_string_equal(call.run.entrypoint, "[\"/e\",\"x\"]");
	assert_int_equal(strv_len(call.run.env), 1);
	assert_string_equal(call.run.env_removed[0], "NONE");
	assert_null(call.run.network);
	assert_true(call.run.has_terminal && call.run.is_interactive);
	assert_true(call.run.is_auto_removed);
	assert_null(call.run.hostname);
	assert_string_equal(call.run.memory, "65536");
	assert_string_equal(call.run.memory_swap, "-1");
	assert_string_equal(call.run.cpus, "1.500");
	assert_string_equal(call.run.tmpfs[0], "/t:size=1m");
	assert_string_equal(call.run.labels[0], "l=v");
	assert_string_equal(call.run.stop_timeout, "3");
	assert_null(call.run.shm_size);
}

static void test_host_config(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err;

	assert_int_equal(
		parse("POST", "/containers/create", NULL,
			"{\"Image\":\"i\",\"Env\":[\"A=1\",\"B\",\"A\",\"B=2\"],\"StopSignal\":\"SIGINT\","
			"\"HostConfig\":{\"NetworkMode\":\"bridge\",\"PortBindings\":{\"80/tcp\":"
			"[{\"HostIp\":\"\",\"HostPort\":\"8080\"},{\"HostIp\":\"::1\",\"HostPort\":\"\"}],"
			"\"53/udp\":[{\"HostPort\":\"\"}],\"9/tcp\":null},\"PidsLimit\":-1,"
			"\"MemoryReservation\":65536,\"CpusetMems\":\"0\",\"BlkioWeight\":300,"
			"\"BlkioDeviceReadBps\":[{\"Path\":\"/dev/x\",\"Rate\":1024}],\"Dns\":[\"192.0.2.9\"],"
			"\"MaskedPaths\":null},\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":"
			"{\"IPAMConfig\":{},\"Aliases\":null}}}}",
			&call, &err),
		0);
	assert_int_equal(strv_len(call.run.env), 1);
	assert_string_equal(call.run.env[0], "B=2");
	assert_string_equal(call.run.env_removed[0], "B");
	assert_string_equal(call.run.env_removed[1], "A");
	assert_string_equal(call.run.stop_signal, "SIGINT");
	assert_string_equal(call.run.network, "bridge");
	assert_int_equal(strv_len(call.run.publish), 3);
	assert_string_equal(call.run.publish[0], "8080:80/tcp");
	assert_string_equal(call.run.publish[1], "[::1]::80/tcp");
	assert_string_equal(call.run.publish[2], "53/udp");
	assert_string_equal(call.run.pids_limit, "-1");
	assert_string_equal(call.run.memory_reservation, "65536");
	assert_string_equal(call.run.cpuset_mems, "0");
	assert_string_equal(call.run.io_weight, "300");
	assert_string_equal(call.run.device_read_bps[0], "/dev/x:1024");
	assert_string_equal(call.run.dns[0], "192.0.2.9");
}

static void test_words(void **state)
{
	cleanup_agent_call struct agent_call call = { 0 }, none = { 0 };
	struct err err;

	assert_int_equal(
		parse("POST", "/containers/create", NULL,
			"{\"Image\":\"i\",\"Cmd\":\"a\",\"Entrypoint\":[]}", &call, &err),
		0);
	assert_string_equal(call.run.command[0], "a");
	assert_string_equal(call.run.entrypoint, "");
	assert_int_equal(parse("POST", "/containers/c/exec", NULL,
				 "{\"Cmd\":[\"x\"],\"Env\":[\"=\"]}", &none, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "Env"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *body, *word;
	} rows[] = {
		{ "", "" },
		{ "[]", "object" },
		{ "{}", "Image" },
		{ "{\"Image\":\"\"}", "Image" },
		{ "{\"Image\":7}", "Image" },
		{ "{\"Image\":\"i\",\"Cmd\":{}}", "Cmd" },
		{ "{\"Image\":\"i\",\"Env\":[\"=x\"]}", "Env" },
		{ "{\"Image\":\"i\",\"HostConfig\":[]}", "HostConfig" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"Privileged\":true}}",
			"HostConfig.Privileged" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"PidMode\":\"host\"}}",
			"HostConfig.PidMode" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"Memory\":-5}}",
			"HostConfig.Memory" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"Devices\":[{}]}}",
			"HostConfig.Devices" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"}}}",
			"HostConfig.RestartPolicy.Name" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"Tmpfs\":{\"/a\":1}}}",
			"HostConfig.Tmpfs" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"MemorySwappiness\":10}}",
			"HostConfig.MemorySwappiness is refused" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"MemorySwappiness\":0}}",
			"HostConfig.MemorySwappiness is refused" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"OomScoreAdj\":-1}}",
			"HostConfig.OomScoreAdj" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"MaskedPaths\":[]}}",
			"HostConfig.MaskedPaths" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"LogConfig\":{\"Config\":{\"max-size\":\"1m\"}}}}",
			"HostConfig.LogConfig.Config" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"NetworkMode\":\"mine\"}}",
			"HostConfig.NetworkMode is refused" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"NetworkMode\":\"container:x\"}}",
			"HostConfig.NetworkMode is refused" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"PortBindings\":{\"80:81/tcp\":[{}]}}}",
			"HostConfig.PortBindings" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"PortBindings\":{\"80\":{}}}}",
			"HostConfig.PortBindings" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"PublishAllPorts\":true}}",
			"HostConfig.PublishAllPorts" },
		{ "{\"Image\":\"i\",\"HostConfig\":{\"BlkioDeviceReadBps\":[{\"Path\":\"/x\"}]}}",
			"HostConfig.BlkioDeviceReadBps" },
		{ "{\"Image\":\"i\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"mine\":{}}}}",
			"EndpointsConfig.mine" },
		{ "{\"Image\":\"i\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":{}}}}",
			"EndpointsConfig.none" },
		{ "{\"Image\":\"i\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{\"IPAMConfig\":{\"IPv4Address\":\"192.0.2.4\"}}}}}",
			"IPAMConfig.IPv4Address" },
		{ "{\"Image\":\"i\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{\"Aliases\":[\"x\"]}}}}",
			"Aliases" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_call call;
		struct err err;

		assert_int_equal(parse("POST", "/containers/create", NULL, rows[i].body,
					 &call, &err),
			-EINVAL);
		assert_non_null(strstr(err.text, rows[i].word));
	}
}

static void test_event(void **state)
{
	static const struct {
		const char *filter, *key;
		bool passes;
	} rows[] = {
		{ NULL, "exitCode", true },
		{ "container=n", "\"name\":\"n\"", true },
		{ "container=0123", "", false },
		{ "container=0123456789ab", "\"image\":\"i\"", true },
		{ "container=x", "", false },
		{ "event=die", "\"Action\":\"die\"", true },
		{ "event=start", "", false },
		{ "image=i", "\"time\":2,\"timeNano\":2000000005", true },
		{ "type=image", "", false },
		{ "type=container", "\"Type\":\"container\"", true },
	};
	char *attributes[] = { (char[]){ "exit_status=3" }, (char[]){ "signal=9" },
		NULL };
	const struct event event = { .time = 2000000005,
		.type = "die",
		.id = "0123456789abcdef",
		.name = "n",
		.image = "i",
		.attributes = attributes };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *const filters[] = { (char *)(uintptr_t)rows[i].filter, NULL };
		cleanup_buf struct buf b = BUF_INIT;

		assert_int_equal(docker_event_filters_check(filters, NULL), 0);
		docker_event_write(&b, &event, filters);
		assert_int_equal(buf_finish(&b), 0);
		assert_true(!b.len == !rows[i].passes);
		assert_true(!b.len || strstr(b.data, rows[i].key));
	}
}

static void test_event_forms(void **state)
{
	char *const wrong[] = { (char[]){ "label=x" }, NULL };
	const struct event nameless = { .type = "exec", .id = "0123456789abcdef" },
			   image = { .type = "untag", .image = "i" },
			   other = { .type = "task", .id = "0" };
	cleanup_buf struct buf b = BUF_INIT, second = BUF_INIT;
	struct err err = { 0 };

	docker_event_write(&b, &other, NULL);
	assert_int_equal(b.len, 0);
	docker_event_write(&b, &nameless, NULL);
	assert_int_equal(buf_finish(&b), 0);
	assert_non_null(strstr(b.data, "\"name\":\"0123456789ab\""));
	assert_non_null(strstr(b.data, "\"Action\":\"exec_start\""));
	docker_event_write(&second, &image, NULL);
	assert_int_equal(buf_finish(&second), 0);
	assert_non_null(strstr(second.data, "\"Type\":\"image\""));
	assert_non_null(strstr(second.data, "\"ID\":\"i\""));
	assert_int_equal(docker_event_filters_check(wrong, &err), -EINVAL);
	assert_non_null(strstr(err.text, "label=x"));
}

static void test_login(void **state)
{
	char *login = NULL;
	struct err err = { 0 };

	/* {} */
	assert_int_equal(docker_login_parse("e30=", &login, &err), 0);
	assert_null(login);
	assert_int_equal(docker_login_parse("", &login, &err), 0);
	/* {"username":"u","password":"p?>"} */
	assert_int_equal(
		docker_login_parse(
			"eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_PiJ9", &login, &err),
		0);
	assert_string_equal(login, "u:p?>");
	free(login);
	assert_int_equal(docker_login_parse("!", &login, &err), -EINVAL);
	assert_int_equal(docker_login_parse("e30x", &login, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_other_paths),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_wrong_query),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_host_config),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_event_forms),
		cmocka_unit_test(test_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
