/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/http-address.h"

static bool is_local(const char *text)
{
	struct sockaddr_storage address;

	assert_true(address_of_literal(text, &address));
	return address_is_local((const struct sockaddr *)&address);
}

static void test_local(void **state)
{
	static const char *const local[] = { "127.0.0.1", "127.255.0.3", "0.0.0.0",
		"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
		"169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]",
		"[::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]",
		/* IPv4 in disguise: mapped, NAT64, 6to4, the deprecated form */
		"[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::10.0.0.1]",
		"[2002:7f00:1::]", "[::127.0.0.1]" };

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		if (!is_local(local[i]))
			fail_msg("%s is taken for public", local[i]);
	}
}

static void test_public(void **state)
{
	static const char *const public[] = { "1.1.1.1", "172.15.0.1", "172.32.0.1",
		"192.167.1.1", "169.253.1.1", "100.128.0.1", "11.0.0.1", "[2606:4700::1]",
		"[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]", "[2002:808:808::]" };

	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
		if (is_local(public[i]))
			fail_msg("%s is taken for local", public[i]);
	}
}

static void test_networks(void **state)
{
	static char wide[] = "10.0.0.0/8", host[] = "192.168.7.9", v6[] = "fd00::/16";
	static char odd[] = "10.0.0.0/99", words[] = "not a network";
	char *networks[] = { odd, words, wide, host, v6, NULL };
	struct sockaddr_storage address;
	const struct sockaddr *a = (const struct sockaddr *)&address;

	assert_true(address_of_literal("10.200.0.1", &address));
	assert_true(address_is_in(a, networks));
	assert_true(address_of_literal("192.168.7.9", &address));
	assert_true(address_is_in(a, networks));
	assert_true(address_of_literal("192.168.7.8", &address));
	assert_false(address_is_in(a, networks));
	assert_true(address_of_literal("[fd00::5]", &address));
	assert_true(address_is_in(a, networks));
	assert_true(address_of_literal("11.0.0.1", &address));
	assert_false(address_is_in(a, networks));
	assert_false(address_is_in(a, NULL));
}

static void test_literals(void **state)
{
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];

	assert_false(address_of_literal("example.com", &address));
	assert_false(address_of_literal("1.2.3", &address));
	assert_false(address_of_literal("", &address));
	assert_true(address_of_literal("[2001:db8::1]", &address));
	assert_string_equal(
		address_text((const struct sockaddr *)&address, text), "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
