/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns-message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The answer to whatever is taken for a query has its question and its number. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct network_address loopback = { AF_INET, { 127, 0, 0, 1 } };
	struct network_address address;
	cleanup_buf struct buf b = BUF_INIT;
	struct dns_question question;
	char name[DNS_NAME_MAX];

	if (dns_query_parse(data, size, &question) < 0)
		return 0;
	if (dns_is_ours(&question, name) && strlen(name) >= strlen(question.name))
		abort();
	(void)dns_is_reverse(&question, &address);
	dns_answer_begin(&b, data, &question, DNS_NO_ERROR);
	dns_answer_address(&b, &loopback);
	if (buf_finish(&b) == 0 &&
		!dns_is_answer_to((unsigned char *)b.data, b.len, data, &question))
		abort();
	return 0;
}
