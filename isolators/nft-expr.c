/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/nft-expr.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>

static void put_u32(struct nlmsghdr *m, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(m, type, htonl(value));
}

static void put_bytes(struct nlmsghdr *m, uint16_t type, const void *bytes, uint32_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(m, type);

	mnl_attr_put(m, NFTA_DATA_VALUE, len, bytes);
	mnl_attr_nest_end(m, nest);
}

static void put_meta(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_META_KEY, e->a);
	put_u32(m, NFTA_META_DREG, e->b);
}

static void put_ct(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_CT_KEY, e->a);
	put_u32(m, NFTA_CT_DREG, e->b);
}

static void put_payload(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_PAYLOAD_BASE, e->a);
	put_u32(m, NFTA_PAYLOAD_OFFSET, e->b);
	put_u32(m, NFTA_PAYLOAD_LEN, e->c);
	put_u32(m, NFTA_PAYLOAD_DREG, e->d);
}

static void put_fib(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_FIB_DREG, e->a);
	put_u32(m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_u32(m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
}

static void put_cmp(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_CMP_OP, e->a);
	put_u32(m, NFTA_CMP_SREG, e->b);
	put_bytes(m, NFTA_CMP_DATA, e->text, e->len);
}

/* Registers of numbers are in the machine's order. */
static void put_mask(struct nlmsghdr *m, const struct nft_expr *e)
{
	static const uint32_t zero;

	put_u32(m, NFTA_BITWISE_SREG, e->a);
	put_u32(m, NFTA_BITWISE_DREG, e->a);
	put_u32(m, NFTA_BITWISE_LEN, sizeof(e->b));
	put_bytes(m, NFTA_BITWISE_MASK, &e->b, sizeof(e->b));
	put_bytes(m, NFTA_BITWISE_XOR, &zero, sizeof(zero));
}

static void put_lookup(struct nlmsghdr *m, const struct nft_expr *e)
{
	mnl_attr_put_strz(m, NFTA_LOOKUP_SET, e->text);
	put_u32(m, NFTA_LOOKUP_SREG, e->a);
	if (e->b)
		put_u32(m, NFTA_LOOKUP_DREG, e->b);
	if (e->c)
		put_u32(m, NFTA_LOOKUP_FLAGS, e->c);
}

static void put_nat(struct nlmsghdr *m, const struct nft_expr *e)
{
	put_u32(m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_u32(m, NFTA_NAT_FAMILY, e->a);
	put_u32(m, NFTA_NAT_REG_ADDR_MIN, e->b);
	put_u32(m, NFTA_NAT_REG_PROTO_MIN, e->c);
}

static void put_nothing(struct nlmsghdr *m, const struct nft_expr *e)
{
	(void)m;
	(void)e;
}

static void put_verdict(struct nlmsghdr *m, const struct nft_expr *e)
{
	struct nlattr *data, *verdict;

	put_u32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(m, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(m, NFTA_DATA_VERDICT);
	put_u32(m, NFTA_VERDICT_CODE, e->a);
	if (e->text)
		mnl_attr_put_strz(m, NFTA_VERDICT_CHAIN, e->text);
	mnl_attr_nest_end(m, verdict);
	mnl_attr_nest_end(m, data);
}

const struct nft_kind nft_meta = { "meta", put_meta };
const struct nft_kind nft_ct = { "ct", put_ct };
const struct nft_kind nft_payload = { "payload", put_payload };
const struct nft_kind nft_fib = { "fib", put_fib };
const struct nft_kind nft_cmp = { "cmp", put_cmp };
const struct nft_kind nft_mask = { "bitwise", put_mask };
const struct nft_kind nft_lookup = { "lookup", put_lookup };
const struct nft_kind nft_nat = { "nat", put_nat };
const struct nft_kind nft_masquerade = { "masq", put_nothing };
const struct nft_kind nft_verdict = { "immediate", put_verdict };

void nft_expr_put(struct nlmsghdr *m, const struct nft_expr *exprs)
{
	struct nlattr *list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS), *item, *data;

	for (const struct nft_expr *e = exprs; e->kind; e++) {
		item = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
		mnl_attr_put_strz(m, NFTA_EXPR_NAME, e->kind->name);
		data = mnl_attr_nest_start(m, NFTA_EXPR_DATA);
		e->kind->put(m, e);
		mnl_attr_nest_end(m, data);
		mnl_attr_nest_end(m, item);
	}
	mnl_attr_nest_end(m, list);
}
