/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the domain name system (RFC 1035), as far as a responder needs them: the one question
 * of a query, and answers to it. Everything else in a message is handed on unread.
 */
#ifndef UCR_AGENTD_DNS_MESSAGE_H
#define UCR_AGENTD_DNS_MESSAGE_H

#include "common/buf.h"
#include "isolators/network.h"

#define DNS_HEADER_LEN 12
#define DNS_NAME_MAX 256 /* with its NUL */
#define DNS_QUERY_MAX 1500

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28 };
enum dns_code { DNS_NO_ERROR, DNS_SERVER_FAILURE = 2, DNS_NO_SUCH_NAME, DNS_REFUSED = 5 };

struct dns_question {
	uint16_t type;
	char name
		[DNS_NAME_MAX]; /* without the last dot; "" when a label of it has bytes that
				    no name of ours has */
	size_t end;		/* of the question in the message */
};

/* -EBADMSG: it is no query of one question. */
int dns_query_parse(const unsigned char *message, size_t len, struct dns_question *ret)
	__attribute__((warn_unused_result));

/* Whether an answer has the number and the question of a query. */
bool dns_is_answer_to(const unsigned char *answer, size_t len, const unsigned char *query,
	const struct dns_question *question);

uint16_t dns_id(const unsigned char *message);
void dns_set_id(unsigned char *message, uint16_t id);

/* The label or labels before ".ucr", into `ret`; false: the name does not end so. */
bool dns_is_ours(const struct dns_question *question, char ret[DNS_NAME_MAX]);
/* The address that a name below in-addr.arpa or ip6.arpa stands for. */
bool dns_is_reverse(const struct dns_question *question, struct network_address *ret);

/* Answers to a query: begun with a code, then records of its question's type. */
void dns_answer_begin(struct buf *out, const unsigned char *query,
	const struct dns_question *question, enum dns_code code);
void dns_answer_address(struct buf *out, const struct network_address *address);
/* Whether a name has labels that a message can carry, with ".ucr" appended. */
bool dns_can_answer(const char *name);
void dns_answer_name(struct buf *out, const char *name); /* one of those */

#endif
