/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/netlink.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define BATCH_MAX (512U << 10)
#define MESSAGE_MAX 4096
#define ANSWER_MAX (32U << 10)
#define ANSWER_WAIT_S                                                                    \
	30 /* the kernel answers before it returns, unless it lost the answer */

static void set_room(int fd)
{
	static const int room = 1 << 20;
	static const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

int netlink_open(int bus, struct netlink *ret, struct err *err)
{
	struct netlink nl = { .is_transaction = bus == NETLINK_NETFILTER };
	int one = 1;

	nl.seq = (uint32_t)time(NULL);
	nl.data = malloc(BATCH_MAX);
	nl.answer = malloc(ANSWER_MAX);
	if (!nl.data || !nl.answer) {
		netlink_close(&nl);
		return err_oom(err);
	}
	nl.socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl.socket || mnl_socket_bind(nl.socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		(void)err_set(err, errno, "open a netlink socket");
		netlink_close(&nl);
		return err ? -err->code : -EIO;
	}
	/* The kernel's own words, without our message again. Missing, there are just fewer. */
	(void)mnl_socket_setsockopt(nl.socket, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl.socket, NETLINK_CAP_ACK, &one, sizeof(one));
	set_room(mnl_socket_get_fd(nl.socket));
	*ret = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		(void)mnl_socket_close(nl->socket);
	free(nl->data);
	free(nl->answer);
	*nl = (struct netlink){ 0 };
}

/* ---- out ------------------------------------------------------------------------------ */

static void end_message(struct netlink *nl)
{
	if (nl->last)
		nl->len += MNL_ALIGN(nl->last->nlmsg_len);
	nl->last = NULL;
}

struct nlmsghdr *netlink_message(
	struct netlink *nl, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	struct nlmsghdr *m;

	end_message(nl);
	if (nl->len + 2 * MESSAGE_MAX > BATCH_MAX) {
		nl->is_full = true;
		return NULL;
	}
	m = mnl_nlmsg_put_header(nl->data + nl->len);
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = nl->seq++;
	memcpy(mnl_nlmsg_put_extra_header(m, len), header, len);
	nl->last = m;
	return m;
}

static void put_mark(struct netlink *nl, uint16_t type)
{
	const struct nfgenmsg header = {
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};

	(void)netlink_message(nl, type, 0, &header, sizeof(header));
}

void netlink_begin(struct netlink *nl)
{
	nl->len = 0;
	nl->last = NULL;
	nl->is_full = false;
	nl->refused = 0;
	nl->detail[0] = '\0';
	if (nl->is_transaction)
		put_mark(nl, NFNL_MSG_BATCH_BEGIN);
	nl->first_seq = nl->seq;
}

/* ---- in ------------------------------------------------------------------------------- */

/* The text that stands behind an error, since Linux 4.12. */
static void take_detail(struct netlink *nl, const struct nlmsghdr *m)
{
	struct nlattr *attr;

	if (!(m->nlmsg_flags & NLM_F_ACK_TLVS) || !(m->nlmsg_flags & NLM_F_CAPPED))
		return;
	mnl_attr_for_each(attr, m, sizeof(struct nlmsgerr))
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
			mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			str_printable(
				mnl_attr_get_str(attr), nl->detail, sizeof(nl->detail));
	}
}

/* Whether this was the answer to the last message, or to the batch as a whole. */
static bool take_answer(
	struct netlink *nl, const struct nlmsghdr *m, uint32_t last_seq, int *result)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_type != NLMSG_ERROR ||
		m->nlmsg_len < mnl_nlmsg_size(sizeof(*answer)))
		return false;
	if (answer->error != 0 && *result == 0) {
		*result = answer->error;
		nl->refused = m->nlmsg_seq - nl->first_seq;
		take_detail(nl, m);
	}
	return m->nlmsg_seq == last_seq ||
	       (answer->error != 0 && m->nlmsg_seq == nl->first_seq - 1);
}

static int receive(struct netlink *nl, uint32_t last_seq)
{
	const struct nlmsghdr *m;
	bool is_answered = false;
	int result = 0, rest;
	ssize_t n;

	while (!is_answered) {
		n = mnl_socket_recvfrom(nl->socket, nl->answer, ANSWER_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		m = (const struct nlmsghdr *)(void *)nl->answer;
		for (rest = (int)n; mnl_nlmsg_ok(m, rest); m = mnl_nlmsg_next(m, &rest))
			is_answered |= take_answer(nl, m, last_seq, &result);
	}
	return result;
}

int netlink_send(struct netlink *nl)
{
	uint32_t last_seq = nl->seq - 1;

	if (nl->is_full)
		return -EMSGSIZE;
	if (!nl->last)
		return 0;
	nl->last->nlmsg_flags |= NLM_F_ACK;
	if (nl->is_transaction)
		put_mark(nl, NFNL_MSG_BATCH_END);
	end_message(nl);
	if (mnl_socket_sendto(nl->socket, nl->data, nl->len) < 0)
		return -errno;
	return receive(nl, last_seq);
}

int netlink_err(const struct netlink *nl, int code, struct err *err, const char *what)
{
	return nl->detail[0] ? err_set(err, code, "%s (%s)", what, nl->detail)
			     : err_set(err, code, "%s", what);
}

int netlink_get(
	struct netlink *nl, uint16_t type, size_t len, const struct nlmsghdr **ret)
{
	const struct nlmsghdr *m = (const struct nlmsghdr *)(void *)nl->answer;
	ssize_t n;

	end_message(nl);
	if (mnl_socket_sendto(nl->socket, nl->data, nl->len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl->socket, nl->answer, ANSWER_MAX);
	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(m, (int)n))
		return -EPROTO;
	if (m->nlmsg_type == NLMSG_ERROR &&
		m->nlmsg_len >= mnl_nlmsg_size(sizeof(struct nlmsgerr)))
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(m))->error;
	if (m->nlmsg_type != type || m->nlmsg_len < mnl_nlmsg_size(len))
		return -EPROTO;
	*ret = m;
	return 0;
}

static void take_attribute(const struct nlattr *attr, struct netlink_link *link)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const void *payload = mnl_attr_get_payload(attr);

	if (mnl_attr_get_type(attr) == IFLA_ADDRESS && len == sizeof(link->mac))
		memcpy(link->mac, payload, len);
	/* With its NUL. */
	if (mnl_attr_get_type(attr) == IFLA_IFALIAS && len && len <= sizeof(link->alias))
		memcpy(link->alias, payload, len - 1);
}

int netlink_link(struct netlink *route, const char *name, struct netlink_link *ret)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC }, *found;
	const struct nlmsghdr *answer;
	struct nlmsghdr *request;
	struct nlattr *attr;
	int r;

	netlink_begin(route);
	request = netlink_message(route, RTM_GETLINK, 0, &header, sizeof(header));
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	r = netlink_get(route, RTM_NEWLINK, sizeof(header), &answer);
	if (r < 0)
		return r;
	found = mnl_nlmsg_get_payload(answer);
	*ret = (struct netlink_link){ .index = found->ifi_index,
		.is_up = found->ifi_flags & IFF_UP };
	mnl_attr_for_each(attr, answer, sizeof(header)) take_attribute(attr, ret);
	return 0;
}

int netlink_index(struct netlink *route, const char *name)
{
	struct netlink_link link;
	int r = netlink_link(route, name, &link);

	return r < 0 ? r : link.index;
}
