/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of what an interface sends, by a token bucket (tc-tbf(8)): what comes faster waits, up to a
 * bound, and is then dropped, which senders of TCP take for the width of the road.
 */
#include "isolators/network-links.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define BURST_MIN (32U << 10) /* bytes; a frame that is larger is cut up */
#define BURST_MAX (16U << 20)
#define BURSTS_A_SECOND 50
#define QUEUE_A_SECOND 10 /* a tenth of a second's bytes may wait */
#define QUEUE_MIN (64U << 10)
#define QUEUE_MAX (64U << 20)

static uint32_t within(uint64_t value, uint32_t min, uint32_t max)
{
	if (value < min)
		return min;
	return value > max ? max : (uint32_t)value;
}

static void put_bucket(struct nlmsghdr *m, uint64_t rate)
{
	struct tc_tbf_qopt bucket = {
		.limit = within(rate / QUEUE_A_SECOND, QUEUE_MIN, QUEUE_MAX),
		.rate = {
			.linklayer = TC_LINKLAYER_ETHERNET,
			.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
		},
	};
	struct nlattr *options;

	mnl_attr_put_strz(m, TCA_KIND, "tbf");
	options = mnl_attr_nest_start(m, TCA_OPTIONS);
	mnl_attr_put(m, TCA_TBF_PARMS, sizeof(bucket), &bucket);
	mnl_attr_put_u32(
		m, TCA_TBF_BURST, within(rate / BURSTS_A_SECOND, BURST_MIN, BURST_MAX));
	if (rate > UINT32_MAX)
		mnl_attr_put_u64(m, TCA_TBF_RATE64, rate);
	mnl_attr_nest_end(m, options);
}

int network_rate_limit(
	struct netlink *route, const char *interface, uint64_t rate, struct err *err)
{
	struct tcmsg header = { .tcm_family = AF_UNSPEC, .tcm_parent = TC_H_ROOT };
	int index, r;

	if (!rate)
		return 0;
	index = netlink_index(route, interface);
	if (index < 0)
		return err_set(err, -index, "find the interface %s", interface);
	header.tcm_ifindex = index;
	netlink_begin(route);
	put_bucket(netlink_message(route, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
			   &header, sizeof(header)),
		rate);
	r = netlink_send(route);
	/* Not ENOENT, which would be that there is no table of ours. */
	if (r == -ENOENT || r == -EOPNOTSUPP) {
		(void)netlink_err(route, EOPNOTSUPP, err,
			"limit the rate of the container's network");
		return err_hint(err,
			"the kernel needs the token bucket: load the module sch_tbf "
			"(modprobe sch_tbf), or run it without a rate");
	}
	return r < 0 ? netlink_err(route, -r, err,
			       "limit the rate of the container's network")
		     : 0;
}
