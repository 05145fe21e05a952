/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/dns-message.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

#define HEADER "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
#define QUERY(name, type) HEADER name "\0" type "\0\1"

static int parse(const char *message, size_t len, struct dns_question *ret)
{
	return dns_query_parse((const unsigned char *)message, len, ret);
}
#define PARSE(message, ret) parse(message, sizeof(message) - 1, ret)

static void test_question(void **state)
{
	static const char web[] = QUERY("\3Web\4more\3uCr", "\0\1");
	struct dns_question question;
	char name[DNS_NAME_MAX];

	assert_int_equal(PARSE(web, &question), 0);
	assert_int_equal(question.type, DNS_A);
	assert_string_equal(question.name, "Web.more.uCr");
	assert_int_equal(question.end, sizeof(web) - 1);
	assert_true(dns_is_ours(&question, name));
	assert_string_equal(name, "Web.more");
}

static void test_not_ours(void **state)
{
	struct dns_question question;
	struct network_address address;
	char name[DNS_NAME_MAX];

	assert_int_equal(PARSE(QUERY("\3ucr", "\0\1"), &question), 0);
	assert_false(dns_is_ours(&question, name));
	assert_int_equal(PARSE(QUERY("\4xucr", "\0\1"), &question), 0);
	assert_false(dns_is_ours(&question, name));
	/* No name of ours has such bytes; the query is handed on. */
	assert_int_equal(PARSE(QUERY("\3a/b\3ucr", "\0\1"), &question), 0);
	assert_false(dns_is_ours(&question, name));
	assert_false(dns_is_reverse(&question, &address));
	assert_int_equal(PARSE(QUERY("", "\0\2"), &question), 0);
	assert_string_equal(question.name, "");
}

static void test_reverse(void **state)
{
	struct dns_question question;
	struct network_address address;
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(PARSE(QUERY("\1"
				     "4\1"
				     "3\2"
				     "99\2"
				     "10\7in-addr\4arpa",
				       "\0\14"),
				 &question),
		0);
	assert_true(dns_is_reverse(&question, &address));
	assert_string_equal(network_address_text(&address, text), "10.99.3.4");
	(void)strcpy(question.name, "4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.9.0.0.2.7."
				    "3.6.5.7.D.f.ip6.arpa");
	assert_true(dns_is_reverse(&question, &address));
	assert_string_equal(network_address_text(&address, text), "fd75:6372:99::4");
	(void)strcpy(question.name, "4.3.256.10.in-addr.arpa");
	assert_false(dns_is_reverse(&question, &address));
	(void)strcpy(question.name, "4.0.ip6.arpa");
	assert_false(dns_is_reverse(&question, &address));
}

static void test_refused(void **state)
{
	struct dns_question question;
	char longest[DNS_HEADER_LEN + 300] = HEADER;

	assert_int_equal(PARSE("", &question), -EBADMSG);
	assert_int_equal(PARSE(HEADER, &question), -EBADMSG);
	assert_int_equal(PARSE(HEADER "\3ucr", &question), -EBADMSG);
	assert_int_equal(PARSE(HEADER "\3ucr\0\0\1\0", &question), -EBADMSG);
	/* A pointer, an answer, another operation, two questions. */
	assert_int_equal(PARSE(HEADER "\xc0\x0c\0\1\0\1", &question), -EBADMSG);
	assert_int_equal(
		PARSE("\0\0\x81\0\0\1\0\0\0\0\0\0\0\0\1\0\1", &question), -EBADMSG);
	assert_int_equal(
		PARSE("\0\0\x08\0\0\1\0\0\0\0\0\0\0\0\1\0\1", &question), -EBADMSG);
	assert_int_equal(
		PARSE("\0\0\0\0\0\2\0\0\0\0\0\0\0\0\1\0\1", &question), -EBADMSG);
	for (size_t i = DNS_HEADER_LEN; i < sizeof(longest); i += 64)
		longest[i] = 63;
	assert_int_equal(parse(longest, sizeof(longest), &question), -EBADMSG);
}

static void test_answers(void **state)
{
	static const char web[] = QUERY("\3web\3ucr", "\0\1");
	const unsigned char *query = (const unsigned char *)web;
	struct network_address address;
	cleanup_buf struct buf b = BUF_INIT;
	struct dns_question question;

	assert_int_equal(PARSE(web, &question), 0);
	assert_int_equal(network_address_parse("10.99.0.2", &address), 0);
	dns_answer_begin(&b, query, &question, DNS_NO_ERROR);
	dns_answer_address(&b, &address);
	assert_int_equal(buf_finish(&b), 0);
	assert_memory_equal(b.data, "\x12\x34\x85\x80\0\1\0\1\0\0\0\0", DNS_HEADER_LEN);
	assert_memory_equal(
		b.data + question.end, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\x63\0\2", 16);
	assert_int_equal(b.len, question.end + 16);
	assert_true(dns_is_answer_to((unsigned char *)b.data, b.len, query, &question));
	b.data[1]++;
	assert_false(dns_is_answer_to((unsigned char *)b.data, b.len, query, &question));
	b.data[1]--;
	b.data[DNS_HEADER_LEN + 1]++;
	assert_false(dns_is_answer_to((unsigned char *)b.data, b.len, query, &question));
	assert_false(dns_is_answer_to(query, sizeof(web) - 1, query, &question));
}

static void test_name_answer(void **state)
{
	static const char reverse[] = QUERY("\1"
					    "1\4arpa",
		"\0\14");
	cleanup_buf struct buf b = BUF_INIT;
	struct dns_question question;

	assert_int_equal(PARSE(reverse, &question), 0);
	dns_answer_begin(&b, (const unsigned char *)reverse, &question, DNS_NO_ERROR);
	dns_answer_name(&b, "web.x");
	assert_int_equal(buf_finish(&b), 0);
	assert_memory_equal(b.data + question.end + 10, "\0\13\3web\1x\3ucr\0", 13);
	assert_int_equal(b.len, question.end + 23);
}

static void test_names(void **state)
{
	char longest[254] = "", label[65] = "";

	memset(label, 'a', 63);
	assert_true(dns_can_answer(label));
	label[63] = 'a';
	assert_false(dns_can_answer(label));
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[249] = '\0';
	assert_true(dns_can_answer(longest));
	longest[249] = '.';
	assert_false(dns_can_answer(longest));
	assert_true(dns_can_answer("web.x"));
	assert_false(dns_can_answer(""));
	assert_false(dns_can_answer("."));
	assert_false(dns_can_answer(".web"));
	assert_false(dns_can_answer("web."));
	assert_false(dns_can_answer("web..x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_name_answer),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
