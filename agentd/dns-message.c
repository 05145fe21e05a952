/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns-message.h"

#include "common/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX 63
#define CLASS_IN 1
#define TTL_S 5 /* containers come and go */

/* Of the second pair of bytes. */
#define IS_ANSWER 0x8000U
#define OPCODE 0x7800U
#define IS_AUTHORITATIVE 0x0400U
#define WANTS_RECURSION 0x0100U
#define HAS_RECURSION 0x0080U

#define QUESTION_NAME 0xc000U /* a pointer to the name behind the header */

static uint16_t get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(struct buf *out, unsigned int value)
{
	const char bytes[2] = { (char)(value >> 8), (char)value };

	buf_put(out, bytes, sizeof(bytes));
}

static void put32(struct buf *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out, value & 0xffff);
}

/* ---- in ------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '_' || c == '+';
}

/* The offset behind the name at `at`, or -EBADMSG. A question has no pointers. */
static int read_name(const unsigned char *message, size_t len, size_t at, char *name)
{
	size_t count = 0;
	bool is_ours = true;
	unsigned int label;

	while (at < len && message[at]) {
		label = message[at++];
		/* One place for the dot, one for the NUL. */
		if (label > LABEL_MAX || label >= len - at ||
			count + label + 2 > DNS_NAME_MAX)
			return -EBADMSG;
		if (count)
			name[count++] = '.';
		for (unsigned int i = 0; i < label; i++) {
			is_ours = is_ours && is_plain(message[at]);
			name[count++] = (char)message[at++];
		}
	}
	name[is_ours ? count : 0] = '\0';
	return at < len ? (int)at + 1 : -EBADMSG;
}

int dns_query_parse(const unsigned char *message, size_t len, struct dns_question *ret)
{
	struct dns_question question = { 0 };
	int end;

	if (len < DNS_HEADER_LEN || len > DNS_QUERY_MAX ||
		(get16(message + 2) & (IS_ANSWER | OPCODE)) || get16(message + 4) != 1)
		return -EBADMSG;
	end = read_name(message, len, DNS_HEADER_LEN, question.name);
	if (end < 0 || len - (size_t)end < 4)
		return -EBADMSG;
	question.type = get16(message + end);
	if (get16(message + end + 2) != CLASS_IN)
		question.name[0] = '\0';
	question.end = (size_t)end + 4;
	*ret = question;
	return 0;
}

bool dns_is_answer_to(const unsigned char *answer, size_t len, const unsigned char *query,
	const struct dns_question *question)
{
	return len >= question->end && get16(answer) == get16(query) &&
	       (get16(answer + 2) & IS_ANSWER) && get16(answer + 4) == 1 &&
	       memcmp(answer + DNS_HEADER_LEN, query + DNS_HEADER_LEN,
		       question->end - DNS_HEADER_LEN) == 0;
}

uint16_t dns_id(const unsigned char *message)
{
	return get16(message);
}

void dns_set_id(unsigned char *message, uint16_t id)
{
	message[0] = (unsigned char)(id >> 8);
	message[1] = (unsigned char)id;
}

/* ---- names ---------------------------------------------------------------------------- */

static const char *suffix_of(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return len > tail && strcasecmp(name + len - tail, suffix) == 0
		       ? name + len - tail
		       : NULL;
}

bool dns_is_ours(const struct dns_question *question, char ret[DNS_NAME_MAX])
{
	const char *end = suffix_of(question->name, ".ucr");

	if (!end)
		return false;
	memcpy(ret, question->name, (size_t)(end - question->name));
	ret[end - question->name] = '\0';
	return true;
}

/* "4.3.2.1" is 1.2.3.4. */
static bool reverse4(const char *name, size_t len, struct network_address *ret)
{
	unsigned char bytes[4];
	char text[INET_ADDRSTRLEN];

	if (len >= sizeof(text))
		return false;
	memcpy(text, name, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, bytes) != 1)
		return false;
	*ret = (struct network_address){ .family = AF_INET };
	for (int i = 0; i < 4; i++)
		ret->bytes[i] = bytes[3 - i];
	return true;
}

#define NIBBLES 32

/* Hexadecimal digits with dots between, the last first. */
static bool reverse6(const char *name, size_t len, struct network_address *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;

	if (len != 2 * NIBBLES - 1)
		return false;
	*ret = (struct network_address){ .family = AF_INET6 };
	for (int i = 0; i < NIBBLES; i++) {
		digit = strchr(digits, tolower((unsigned char)name[2 * i]));
		if (!digit || !*digit || (i && name[2 * i - 1] != '.'))
			return false;
		ret->bytes[15 - i / 2] |=
			(unsigned char)((digit - digits) << (i % 2 ? 4 : 0));
	}
	return true;
}

bool dns_is_reverse(const struct dns_question *question, struct network_address *ret)
{
	const char *name = question->name;
	const char *end4 = suffix_of(name, ".in-addr.arpa");
	const char *end6 = suffix_of(name, ".ip6.arpa");

	if (end4)
		return reverse4(name, (size_t)(end4 - name), ret);
	return end6 && reverse6(name, (size_t)(end6 - name), ret);
}

/* ---- out ------------------------------------------------------------------------------ */

void dns_answer_begin(struct buf *out, const unsigned char *query,
	const struct dns_question *question, enum dns_code code)
{
	buf_reset(out);
	put16(out, dns_id(query));
	put16(out, IS_ANSWER | IS_AUTHORITATIVE | HAS_RECURSION |
			   (get16(query + 2) & WANTS_RECURSION) | (unsigned int)code);
	put16(out, 1);
	put16(out, 0);
	put32(out, 0);
	buf_put(out, (const char *)query + DNS_HEADER_LEN,
		question->end - DNS_HEADER_LEN);
}

static void begin_record(struct buf *out, enum dns_type type, size_t len)
{
	unsigned char *header = (unsigned char *)out->data;

	if (out->failed || out->len < DNS_HEADER_LEN)
		return;
	dns_set_id(header + 6, (uint16_t)(get16(header + 6) + 1));
	put16(out, QUESTION_NAME | DNS_HEADER_LEN);
	put16(out, type);
	put16(out, CLASS_IN);
	put32(out, TTL_S);
	put16(out, (unsigned int)len);
}

void dns_answer_address(struct buf *out, const struct network_address *address)
{
	size_t len = network_address_len(address);

	begin_record(out, address->family == AF_INET ? DNS_A : DNS_AAAA, len);
	buf_put(out, (const char *)address->bytes, len);
}

static void put_label(struct buf *out, const char *label, size_t len)
{
	buf_putc(out, (char)len);
	buf_put(out, label, len);
}

bool dns_can_answer(const char *name)
{
	/* Each label has a byte for its length, and the last one is empty. */
	size_t total = strlen(name) + 1 + sizeof("\3ucr"), len;

	for (const char *at = name; at; at = strchr(at, '.')) {
		at += *at == '.' && at != name;
		len = strcspn(at, ".");
		if (len == 0 || len > LABEL_MAX)
			return false;
	}
	return total < DNS_NAME_MAX;
}

void dns_answer_name(struct buf *out, const char *name)
{
	begin_record(out, DNS_PTR, strlen(name) + 1 + sizeof("\3ucr"));
	for (const char *at = name; at; at = strchr(at, '.')) {
		at += *at == '.';
		put_label(out, at, strcspn(at, "."));
	}
	put_label(out, "ucr", 3);
	buf_putc(out, '\0');
}
