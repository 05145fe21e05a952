/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns-proto.h"

#include "common/cleanup.h"

#define AT(member) offsetof(struct dns_words, member)
const struct json_field dns_word_fields[] = {
	{ "id", json_u64, AT(id) },
	{ "prefix", json_u32, AT(prefix) },
	{ "prefix6", json_u32, AT(prefix6) },
	{ "found", json_bool, AT(is_found) },
	{ "from", json_string, AT(from) },
	{ "name", json_string, AT(name) },
	{ "address", json_string, AT(address) },
	{ "addresses", json_strv, AT(addresses) },
	{ "servers", json_strv, AT(servers) },
	{ 0 },
};

int dns_words_parse(const char *text, size_t len, struct dns_words *ret)
{
	cleanup_json struct json_doc *doc = NULL;
	int r = json_parse(text, len, &doc, NULL);

	*ret = (struct dns_words){ 0 };
	return r < 0 ? r : json_decode(json_root(doc), dns_word_fields, ret, NULL);
}

void dns_words_write(struct buf *out, const struct dns_words *words)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	json_encode(&w, dns_word_fields, words);
	jw_object_end(&w);
}

void dns_words_done(struct dns_words *words)
{
	json_release(dns_word_fields, words);
}
