/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of nf_tables as const tables of expressions, each a row of numbers. A rule runs them in
 * order until one does not match; values travel between them in registers of four bytes.
 */
#ifndef UCR_ISOLATORS_NFT_EXPR_H
#define UCR_ISOLATORS_NFT_EXPR_H

#include <netinet/in.h> /* before the kernel's own, which then stands back */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdint.h>

struct nft_expr;

struct nft_kind {
	const char *name; /* the kernel's */
	void (*put)(struct nlmsghdr *m, const struct nft_expr *expr);
};

struct nft_expr {
	const struct nft_kind *kind; /* NULL ends a rule */
	uint32_t a, b, c, d;	     /* what they mean is up to the kind */
	const char *text;	     /* a set, a chain, or bytes */
	uint32_t len;		     /* of bytes */
};

extern const struct nft_kind nft_meta, nft_cmp, nft_payload, nft_mask, nft_ct, nft_fib,
	nft_lookup, nft_nat, nft_masquerade, nft_verdict;

#define NFT_REG(n) (NFT_REG32_00 + (n))

/* Load into register n: a fact of the packet, of its connection, or bytes of it. */
#define NFT_META(key, n)                                                                 \
	{                                                                                \
		&nft_meta, key, NFT_REG(n)                                               \
	}
#define NFT_CT(key, n)                                                                   \
	{                                                                                \
		&nft_ct, key, NFT_REG(n)                                                 \
	}
#define NFT_LOAD(base, offset, len, n)                                                   \
	{                                                                                \
		&nft_payload, base, offset, len, NFT_REG(n)                              \
	}
/* The kind of the destination address (RTN_…). */
#define NFT_DESTINATION_TYPE(n)                                                          \
	{                                                                                \
		&nft_fib, NFT_REG(n)                                                     \
	}

/* Match: bytes, bits of a 32-bit value, membership from register n on. */
#define NFT_IS(n, bytes, count)                                                          \
	{                                                                                \
		&nft_cmp, NFT_CMP_EQ, NFT_REG(n), .text = (bytes), .len = (count)        \
	}
#define NFT_IS_NOT(n, bytes, count)                                                      \
	{                                                                                \
		&nft_cmp, NFT_CMP_NEQ, NFT_REG(n), .text = (bytes), .len = (count)       \
	}
#define NFT_HAS_BITS(n, bits) { &nft_mask, NFT_REG(n), bits }, NFT_IS_NOT(n, "\0\0\0", 4)
#define NFT_IN(set, n)                                                                   \
	{                                                                                \
		&nft_lookup, NFT_REG(n), .text = (set)                                   \
	}
#define NFT_NOT_IN(set, n)                                                               \
	{                                                                                \
		&nft_lookup, NFT_REG(n), .c = NFT_LOOKUP_F_INV, .text = (set)            \
	}

/* Do. */
#define NFT_MAP(map, from, to)                                                           \
	{                                                                                \
		&nft_lookup, NFT_REG(from), NFT_REG(to), .text = (map)                   \
	}
#define NFT_DNAT(family, address, port)                                                  \
	{                                                                                \
		&nft_nat, family, NFT_REG(address), NFT_REG(port)                        \
	}
#define NFT_MASQUERADE                                                                   \
	{                                                                                \
		&nft_masquerade                                                          \
	}
#define NFT_ACCEPT                                                                       \
	{                                                                                \
		&nft_verdict, NF_ACCEPT                                                  \
	}
#define NFT_DROP                                                                         \
	{                                                                                \
		&nft_verdict, NF_DROP                                                    \
	}
#define NFT_DO_RETURN                                                                    \
	{                                                                                \
		&nft_verdict, (uint32_t)NFT_RETURN                                       \
	}
#define NFT_GO(chain)                                                                    \
	{                                                                                \
		&nft_verdict, (uint32_t)NFT_JUMP, .text = (chain)                        \
	}
#define NFT_END                                                                          \
	{                                                                                \
		0                                                                        \
	}

/* Puts the attribute NFTA_RULE_EXPRESSIONS into a message. */
void nft_expr_put(struct nlmsghdr *m, const struct nft_expr *exprs);

#endif
