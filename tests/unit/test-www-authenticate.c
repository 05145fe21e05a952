/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/www-authenticate.h"

#include <errno.h>

static struct auth_challenge parse(const char *header)
{
	struct auth_challenge c = { 0 };
	struct err err;

	assert_int_equal(www_authenticate_parse(header, &c, &err), 0);
	return c;
}

static void test_bearer(void **state)
{
	cleanup_challenge struct auth_challenge c = parse(
		"Bearer realm=\"https://auth.example/token\",service=\"registry.example\","
		"scope=\"repository:a/b:pull,push repository:c:pull\"");

	assert_int_equal(c.scheme, AUTH_BEARER);
	assert_string_equal(c.realm, "https://auth.example/token");
	assert_string_equal(c.service, "registry.example");
	assert_string_equal(c.scope, "repository:a/b:pull,push repository:c:pull");
}

static void test_words(void **state)
{
	cleanup_challenge struct auth_challenge c = parse(
		"  bEaReR  realm = \"a\\\"b\" , error=invalid_token,service=plain  ");

	assert_string_equal(c.realm, "a\"b");
	assert_string_equal(c.service, "plain");
	assert_null(c.scope);
}

/* Whatever the order, a token is better than a password. */
static void test_several(void **state)
{
	static const char *const headers[] = {
		"Basic realm=\"x, y\", Bearer realm=\"https://t\"",
		"Bearer realm=\"https://t\", Basic realm=x",
		"Negotiate YWJj==, Bearer realm=\"https://t\"",
		"Negotiate, Digest nonce=\"1\", qop=auth, Bearer realm=\"https://t\"",
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		cleanup_challenge struct auth_challenge c = parse(headers[i]);

		assert_int_equal(c.scheme, AUTH_BEARER);
		assert_string_equal(c.realm, "https://t");
	}
}

static void test_basic(void **state)
{
	cleanup_challenge struct auth_challenge c = parse("Basic realm=\"r\"");
	/* A bearer that does not say where tokens are is of no use. */
	cleanup_challenge struct auth_challenge useless =
		parse("Bearer service=x, Basic");

	assert_int_equal(c.scheme, AUTH_BASIC);
	assert_int_equal(useless.scheme, AUTH_BASIC);
}

static void test_nothing(void **state)
{
	cleanup_challenge struct auth_challenge none = parse("");
	cleanup_challenge struct auth_challenge other = parse("Negotiate");

	assert_int_equal(none.scheme, AUTH_NONE);
	assert_int_equal(other.scheme, AUTH_NONE);
}

static void test_malformed(void **state)
{
	static const char *const headers[] = { "realm=\"x\"", "Bearer realm=\"never ends",
		"\"quoted\"", "Bearer realm=\"x\" {", "=" };
	struct auth_challenge c;
	struct err err;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(www_authenticate_parse(headers[i], &c, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
