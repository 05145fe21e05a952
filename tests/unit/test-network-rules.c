/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that a container is, byte by byte, without a kernel. */
#include "tests/unit/unit.h"

#include "isolators/network-rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define ROOM (512U << 10)

static struct network_port ports[] = {
	{ IPPROTO_TCP, { 0 }, 8080, 80 },
	{ IPPROTO_UDP, { AF_INET, { 127, 0, 0, 1 } }, 53, 5353 },
	{ IPPROTO_TCP, { AF_INET6, { 0x20, 0x01, [15] = 1 } }, 443, 8443 },
};

static const struct network container = {
	.address = { AF_INET, { 10, 99, 1, 2 } },
	.address6 = { AF_INET6, { 0xfd, [15] = 0x12 } },
	.gateway = { AF_INET, { 10, 99, 0, 1 } },
	.gateway6 = { AF_INET6, { 0xfd, [15] = 1 } },
	.ports = { ports, 3 },
};

static const struct network_element *find(
	const struct network_elements *list, const char *set, size_t number)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i].set, set) == 0 && number-- == 0)
			return &list->items[i];
	}
	return NULL;
}

static void test_elements(void **state)
{
	static const unsigned char sender[28] =
		"ucr-0a630102\0\0\0\0\x02\x63\x0a\x63\x01\x02"
		"\0\0\x0a\x63\x01\x02";
	static const unsigned char any[] = { 6, 0, 0, 0, 0x1f, 0x90, 0, 0 };
	static const unsigned char to[] = { 10, 99, 1, 2, 0, 80, 0, 0 };
	static const unsigned char bound[] = { 127, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0 };
	struct network_elements list;
	struct err err;

	assert_int_equal(network_elements(&container, &list, &err), 0);
	assert_string_equal(list.items[0].set, "tasks4");
	assert_int_equal(list.items[0].key_len, 4);
	assert_memory_equal(list.items[0].key, container.address.bytes, 4);
	assert_int_equal(find(&list, "senders4", 0)->key_len, sizeof(sender));
	assert_memory_equal(find(&list, "senders4", 0)->key, sender, sizeof(sender));
	assert_int_equal(find(&list, "senders6", 2)->key_len, 40);
	assert_int_equal(find(&list, "ports4", 0)->key_len, sizeof(any));
	assert_memory_equal(find(&list, "ports4", 0)->key, any, sizeof(any));
	assert_int_equal(find(&list, "ports4", 0)->data_len, sizeof(to));
	assert_memory_equal(find(&list, "ports4", 0)->data, to, sizeof(to));
	assert_int_equal(find(&list, "ports6", 0)->data_len, 20);
	assert_int_equal(find(&list, "bound4", 0)->key_len, sizeof(bound));
	assert_memory_equal(find(&list, "bound4", 0)->key, bound, sizeof(bound));
	assert_ptr_equal(find(&list, "bound6", 0)->port, &ports[2]);
	assert_null(find(&list, "shared4", 0));
	assert_null(find(&list, "ports4", 1));
	assert_null(find(&list, "bound4", 1));
	network_elements_done(&list);
}

static void test_shared(void **state)
{
	struct network shared = container;
	struct network_elements list;
	struct err err;

	shared.is_shared = true;
	assert_int_equal(network_elements(&shared, &list, &err), 0);
	assert_non_null(find(&list, "shared4", 0));
	assert_non_null(find(&list, "shared6", 0));
	assert_string_equal((const char *)find(&list, "shared", 0)->key, "ucr-0a630102");
	assert_int_equal(find(&list, "shared", 0)->key_len, 16);
	network_elements_done(&list);
}

/* The text of a top attribute of a message of nf_tables. */
static const char *text_of(const struct nlmsghdr *m, uint16_t type)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, m, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == type)
			return mnl_attr_get_str(attr);
	}
	return NULL;
}

static void test_messages(void **state)
{
	struct netlink nft = { .is_transaction = true, .data = calloc(1, ROOM) };
	struct network_elements list;
	const struct nlmsghdr *m;
	struct err err;
	size_t count = 0;
	int rest;

	assert_non_null(nft.data);
	assert_int_equal(network_elements(&container, &list, &err), 0);
	netlink_begin(&nft);
	for (size_t i = 0; i < list.count; i++)
		network_element_put(&nft, &list.items[i], NETWORK_ADD_NEW);
	rest = (int)(nft.len + MNL_ALIGN(nft.last->nlmsg_len));
	m = (const struct nlmsghdr *)(void *)nft.data;
	assert_int_equal(m->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	for (m = mnl_nlmsg_next(m, &rest); mnl_nlmsg_ok(m, rest);
		m = mnl_nlmsg_next(m, &rest)) {
		const struct nfgenmsg *head = mnl_nlmsg_get_payload(m);

		assert_int_equal(
			m->nlmsg_type, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM);
		assert_int_equal(
			m->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
		assert_int_equal(head->nfgen_family, list.items[count].family);
		assert_string_equal(text_of(m, NFTA_SET_ELEM_LIST_TABLE), "ucr");
		assert_string_equal(
			text_of(m, NFTA_SET_ELEM_LIST_SET), list.items[count].set);
		count++;
	}
	assert_int_equal(count, list.count);
	network_elements_done(&list);
	free(nft.data);
}

/* Nothing is written behind the end, and the batch says so. */
static void test_full(void **state)
{
	struct netlink nft = { .is_transaction = true, .data = calloc(1, ROOM) };
	const struct network_forwarding forwarding = { 0 };

	assert_non_null(nft.data);
	netlink_begin(&nft);
	for (int i = 0; i < 200; i++)
		network_rules_put(&nft, &forwarding, true);
	assert_true(nft.is_full);
	assert_true(nft.len <= ROOM);
	assert_int_equal(netlink_send(&nft), -EMSGSIZE);
	free(nft.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
