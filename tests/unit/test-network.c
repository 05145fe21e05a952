/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/network.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/network.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define POOL_SIZE 65533 /* 10.99.0.2 to 10.99.255.254 */

static const struct network_pool pool = { { AF_INET, { 10, 99, 0, 0 } }, 16 };

/* ---- --publish ------------------------------------------------------------------------ */

/* "tcp 127.0.0.1:8080->80 …", or "" when it was refused. */
static const char *publish(const char *text)
{
	struct network_ports ports = { 0 };
	char address[INET6_ADDRSTRLEN];
	static char out[1024];
	struct err err = { 0 };

	out[0] = '\0';
	if (network_publish_parse(text, &ports, &err) < 0)
		assert_true(err.code == EINVAL || err.code == E2BIG);
	for (size_t i = 0; i < ports.count; i++) {
		const struct network_port *p = &ports.items[i];

		(void)snprintf(out + strlen(out), sizeof(out) - strlen(out),
			"%s%s %s:%u->%u", i ? " " : "",
			network_protocol_name(p->protocol),
			p->host.family ? network_address_text(&p->host, address) : "*",
			p->host_port, p->port);
	}
	free(ports.items);
	return out;
}

static void test_publish(void **state)
{
	static const char *const cases[][2] = {
		{ "8080:80", "tcp *:8080->80" },
		{ "8080:80/tcp", "tcp *:8080->80" },
		{ "53:53/udp", "udp *:53->53" },
		{ "80", "tcp *:0->80" },
		{ ":80", "tcp *:0->80" },
		{ "127.0.0.1:8080:80", "tcp 127.0.0.1:8080->80" },
		{ "127.0.0.1::80", "tcp 127.0.0.1:0->80" },
		{ "0.0.0.0:8080:80", "tcp 0.0.0.0:8080->80" },
		{ "[2001:db8::1]:8080:80/udp", "udp 2001:db8::1:8080->80" },
		{ "[::]:8080:80", "tcp :::8080->80" },
		{ "8000-8002:80-82", "tcp *:8000->80 tcp *:8001->81 tcp *:8002->82" },
		{ "80-81", "tcp *:0->80 tcp *:0->81" },
		{ "65535:65535", "tcp *:65535->65535" },
		{ "65536:80", "" },
		{ "0:80", "" },
		{ "80:0", "" },
		{ "-1:80", "" },
		{ "80:", "" },
		{ ":", "" },
		{ "", "" },
		{ "a:80", "" },
		{ "80:80:80", "" },
		{ "1.2.3:80:80", "" },
		{ "1.2.3.4:80", "" },
		{ "::1:80:80", "" },
		{ "[::1]:80:80", "" },
		{ "[::1]80:80", "" },
		{ "[::2]:80", "" },
		{ "[1.2.3.4]:80:80", "" },
		{ "8000-8002:80", "" },
		{ "8000-8002:80-81", "" },
		{ "8002-8000:80-82", "" },
		{ "8000-:80", "" },
		{ "80:80/sctp", "" },
		{ "80:80/", "" },
		{ "80:80/tcp/udp", "" },
		{ " 80:80", "" },
		{ "1-257:1-257", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(publish(cases[i][0]), cases[i][1]);
}

static void test_expose(void **state)
{
	struct network_ports ports = { 0 };
	struct err err;

	assert_int_equal(network_expose_parse("80/tcp", &ports, &err), 0);
	assert_int_equal(network_expose_parse("5000-5002/udp", &ports, &err), 0);
	assert_int_equal(network_expose_parse("81", &ports, &err), 0);
	assert_int_equal(ports.count, 5);
	assert_int_equal(ports.items[3].port, 5002);
	assert_int_equal(ports.items[3].protocol, IPPROTO_UDP);
	assert_int_equal(ports.items[3].host_port, 0);
	assert_int_equal(network_expose_parse("http", &ports, &err), -EINVAL);
	assert_int_equal(network_expose_parse("80:80", &ports, &err), -EINVAL);
	assert_int_equal(network_expose_parse("1-252", &ports, &err), -E2BIG);
	free(ports.items);
}

static void test_reserve(void **state)
{
	struct network_port one = { .protocol = IPPROTO_UDP, .port = 53 };
	struct network_ports ports = { &one, 1 }, again;
	struct network_port same;
	int *fds = NULL, *more = NULL;
	size_t count = 0, more_count = 0;
	struct err err;

	assert_int_equal(network_ports_reserve(&ports, &fds, &count, &err), 0);
	assert_true(one.host_port >= 1024 && count >= 1);
	same = one;
	again = (struct network_ports){ &same, 1 };
	assert_int_equal(
		network_ports_reserve(&again, &more, &more_count, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "is in use"));
	same.protocol = IPPROTO_TCP;
	assert_int_equal(network_ports_reserve(&again, &more, &more_count, &err), 0);
	while (count > 0)
		(void)close(fds[--count]);
	while (more_count > 0)
		(void)close(more[--more_count]);
	free(fds);
	free(more);
}

/* ---- words and records ---------------------------------------------------------------- */

static void test_choice(void **state)
{
	struct network_choice choice;
	struct err err;

	assert_int_equal(network_choice_parse(NULL, &choice, &err), 0);
	assert_int_equal(choice.mode, NETWORK_NONE);
	assert_int_equal(network_choice_parse("bridge", &choice, &err), 0);
	assert_true(choice.mode == NETWORK_BRIDGE && !choice.is_shared);
	assert_int_equal(network_choice_parse("bridge:shared", &choice, &err), 0);
	assert_true(choice.mode == NETWORK_BRIDGE && choice.is_shared);
	assert_int_equal(network_choice_parse("", &choice, &err), -EINVAL);
	assert_int_equal(network_choice_parse("bridge:", &choice, &err), -EINVAL);
}

static void test_pool(void **state)
{
	static const char *const bad[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/7",
		"10.0.0.0/29", "10.0.0.1/16", "10.99.128.0/16", "fd00::/64", "x/16",
		"10.0.0.0/16/16", "10.0.0/16" };
	struct network_pool small;
	struct network n = { 0 };
	char text[INET6_ADDRSTRLEN];
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_pool_parse(bad[i], &small, &err), -EINVAL);
	assert_int_equal(network_pool_parse(NULL, &small, &err), 0);
	assert_memory_equal(&small.address, &pool.address, sizeof(pool.address));
	assert_int_equal(small.prefix, pool.prefix);
	assert_int_equal(network_pool_parse("192.168.7.16/28", &small, &err), 0);
	network_number(&small, 14, &n);
	assert_string_equal(network_address_text(&n.address, text), "192.168.7.30");
	assert_string_equal(network_address_text(&n.gateway, text), "192.168.7.17");
	assert_int_equal(n.prefix, 28);
}

static void test_number(void **state)
{
	struct network n = { 0 };
	char text[INET6_ADDRSTRLEN], name[IF_NAMESIZE], mac[NETWORK_MAC_TEXT_MAX];

	network_number(&pool, 0x1234, &n);
	assert_string_equal(network_address_text(&n.address, text), "10.99.18.52");
	assert_string_equal(
		network_address_text(&n.address6, text), "fd75:6372:99::1234");
	assert_string_equal(network_address_text(&n.gateway, text), "10.99.0.1");
	assert_string_equal(network_address_text(&n.gateway6, text), "fd75:6372:99::1");
	network_interface(&n.address, name);
	assert_string_equal(name, "ucr-0a631234");
	assert_string_equal(network_mac_text(&n.address, mac), "02:63:0a:63:12:34");
}

static void test_record(void **state)
{
	struct network_port ports[] = {
		{ IPPROTO_TCP, { 0 }, 8080, 80 },
		{ IPPROTO_UDP, { AF_INET, { 127, 0, 0, 1 } }, 53, 53 },
	};
	struct network n = { .is_shared = true,
		.rate_in = 1 << 20,
		.rate_out = 5ULL << 32,
		.ports = { ports, 2 } },
		       read = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err;

	network_number(&pool, 7, &n);
	jw_object(&w, NULL);
	network_write(&w, &n);
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(network_parse(b.data, b.len, &read, &err), 0);
	assert_int_equal(read.ports.count, 2);
	assert_memory_equal(read.ports.items, ports, sizeof(ports));
	assert_memory_equal(&read.address6, &n.address6, sizeof(n.address6));
	assert_true(read.is_shared);
	assert_int_equal(read.rate_in, 1 << 20);
	assert_int_equal(read.rate_out, 5ULL << 32);
	network_done(&read);
}

static void test_rate(void **state)
{
	static const char *const refused[] = { "", "0", "1023", "fast", "-1m", "2t",
		"1m/s" };
	struct err err;
	uint64_t rate = 1;

	assert_int_equal(network_rate_parse("--x", NULL, &rate, &err), 0);
	assert_int_equal(rate, 0);
	assert_int_equal(network_rate_parse("--x", "1.5m", &rate, &err), 0);
	assert_int_equal(rate, 3 << 19);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(
			network_rate_parse("--x", refused[i], &rate, &err), -EINVAL);
		assert_non_null(strstr(err.text, "--x"));
	}
}

static void test_bad_records(void **state)
{
	static const char good[] =
		"{\"address\":\"%s\",\"prefix\":%d,\"gateway\":\"10.99.0.1\",\"address6\":"
		"\"%s\",\"prefix6\":64,\"gateway6\":\"fd00::1\",\"ports\":%s}";
	static const struct {
		const char *address, *address6, *ports;
		int prefix, want;
	} cases[] = {
		{ "10.99.0.2", "fd00::2", "[]", 16, 0 },
		{ "fd00::2", "fd00::2", "[]", 16, -EINVAL },
		{ "10.99.0.2", "10.99.0.2", "[]", 16, -EINVAL },
		{ "10.99.0", "fd00::2", "[]", 16, -EINVAL },
		{ "10.99.0.2", "fd00::2", "[]", 33, -EINVAL },
		{ "10.99.0.2", "fd00::2", "[{}]", 16, -EINVAL },
		{ "10.99.0.2", "fd00::2",
			"[{\"protocol\":\"tcp\",\"host_port\":0,\"port\":80}]", 16,
			-ERANGE },
		{ "10.99.0.2", "fd00::2",
			"[{\"protocol\":\"tcp\",\"host_port\":1,\"port\":65536}]", 16,
			-ERANGE },
		{ "10.99.0.2", "fd00::2",
			"[{\"protocol\":\"icmp\",\"host_port\":1,\"port\":1}]", 16,
			-EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network n = { 0 };
		struct err err;
		char text[1024];

		(void)snprintf(text, sizeof(text), good, cases[i].address,
			cases[i].prefix, cases[i].address6, cases[i].ports);
		assert_int_equal(
			network_parse(text, strlen(text), &n, &err), cases[i].want);
		network_done(&n);
	}
}

static void test_resolv_conf(void **state)
{
	static const struct {
		const char *text, *server, *want;
		int ret;
	} cases[] = {
		{ "nameserver 192.0.2.1\n", NULL, "nameserver 192.0.2.1\n", 0 },
		{ "nameserver 127.0.0.53\nsearch a b\n", NULL, "search a b\n", 1 },
		{ "nameserver\t::1\nnameserver 2001:db8::1", NULL,
			"nameserver 2001:db8::1\n", 0 },
		{ "nameserver fe80::1%eth0\n", NULL, "", 1 },
		{ "nameserver fe80::1\n", NULL, "", 1 },
		{ "nameserver 192.0.2.1\noptions ndots:2\n", "192.0.2.9",
			"nameserver 192.0.2.9\noptions ndots:2\n", 0 },
		{ "", NULL, "", 1 },
		{ "nameserver", NULL, "nameserver\n", 1 },
		{ "nameserver \n", NULL, "", 1 },
		{ "nameservers 1.2.3.4\n", NULL, "nameservers 1.2.3.4\n", 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *servers[] = { (char *)(uintptr_t)cases[i].server, NULL };
		cleanup_buf struct buf b = BUF_INIT;

		assert_int_equal(network_resolv_conf(cases[i].text,
					 cases[i].server ? servers : NULL, &b),
			cases[i].ret);
		assert_int_equal(buf_finish(&b), 0);
		assert_string_equal(b.data ? b.data : "", cases[i].want);
	}
}

/* ---- addresses ------------------------------------------------------------------------ */

struct box {
	char path[32];
	int dirfd, leases;
	struct engine *engine;
};

static void box_open(struct box *box)
{
	struct engine_options options = { .root_path = box->path };
	struct err err;

	box->dirfd = unit_tmpdir(box->path);
	assert_int_equal(engine_open(&options, &box->engine, &err), 0);
	assert_int_equal(mkdirat(box->dirfd, "networks", 0700), 0);
	box->leases = fd_mkdir_open(box->dirfd, "networks/bridge", 0700);
	assert_true(box->leases >= 0);
	assert_int_equal(mkdirat(engine_containers_dirfd(box->engine), ID_A, 0700), 0);
}

static void box_close(struct box *box)
{
	engine_free(box->engine);
	(void)close(box->leases);
	(void)close(box->dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, box->path), 0);
}

static void begin_with(const struct box *box, const char *next)
{
	assert_int_equal(fd_replace_file(box->leases, "next", next, strlen(next), 0600,
				 FD_NO_SYNC),
		0);
}

static const char *take(struct box *box, const char *id)
{
	static char text[INET6_ADDRSTRLEN];
	struct network n = { 0 };
	struct err err;
	int r = network_lease_take(box->engine, id, &pool, &n, &err);

	if (r < 0)
		return r == -ENOSPC ? "none" : "error";
	return network_address_text(&n.address, text);
}

static void test_lease(void **state)
{
	struct network n = { 0 };
	struct box box;

	box_open(&box);
	begin_with(&box, "0");
	assert_string_equal(take(&box, ID_A), "10.99.0.2");
	assert_string_equal(take(&box, ID_A), "10.99.0.3");
	/* Given back by its holder only, and not at once given out again. */
	network_number(&pool, 2, &n);
	network_lease_release(box.engine, &n, ID_B);
	begin_with(&box, "0");
	assert_string_equal(take(&box, ID_A), "10.99.0.4");
	network_lease_release(box.engine, &n, ID_A);
	assert_string_equal(take(&box, ID_A), "10.99.0.5");
	begin_with(&box, "0");
	assert_string_equal(take(&box, ID_A), "10.99.0.2");
	/* Of a container that is gone. */
	begin_with(&box, "100");
	assert_string_equal(take(&box, ID_B), "10.99.0.102");
	begin_with(&box, "100");
	assert_string_equal(take(&box, ID_A), "10.99.0.102");
	/* The last, and round. */
	begin_with(&box, "65532");
	assert_string_equal(take(&box, ID_A), "10.99.255.254");
	assert_string_equal(take(&box, ID_A), "10.99.0.6");
	begin_with(&box, "what?");
	assert_non_null(strstr(take(&box, ID_A), "10.99."));
	box_close(&box);
}

static void test_exhausted(void **state)
{
	struct network n = { 0 };
	char text[INET6_ADDRSTRLEN];
	struct box box;

	box_open(&box);
	for (uint32_t i = 0; i < POOL_SIZE; i++) {
		network_number(&pool, i + 2, &n);
		assert_int_equal(symlinkat(ID_A, box.leases,
					 network_address_text(&n.address, text)),
			0);
	}
	assert_string_equal(take(&box, ID_A), "none");
	network_number(&pool, 4711, &n);
	network_lease_release(box.engine, &n, ID_A);
	assert_string_equal(take(&box, ID_A), network_address_text(&n.address, text));
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_expose),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
