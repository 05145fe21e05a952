/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine and ucr-net say to each other, over common/ipc.h.
 *
 * ucr-net is started with one end of a SOCK_SEQPACKET pair as HELPER_SOCKET_FD, in the network
 * namespace of the host; confined, it serves one request after the other until that end is closed.
 * Payloads are JSON objects but for ERROR, whose payload is a struct err. Every request is
 * answered by one DONE or ERROR; after ERROR of an attach nothing of it is left.
 *
 *   ATTACH {network}   fds: the container's network namespace, which nothing has run in yet
 *     {network} is the object of isolators/network.h. ERROR with EEXIST: somebody has the
 *     address; with EADDRINUSE: a port is published for another container.
 *   DETACH {network}   takes away what ATTACH of the same object made, as far as it is there
 *   DONE {"notes"}     sentences for the person
 *   CLIENT             fds: one end of another pair, served as this one until it is closed. No
 *     answer. Only on HELPER_SOCKET_FD, whose other end many processes may hold at once: whoever
 *     has requests sends the end of a pair of his own first.
 */
#ifndef UCR_AGENTD_NET_PROTO_H
#define UCR_AGENTD_NET_PROTO_H

#define NET_PROGRAM "ucr-net"

enum net_msg {
	NET_ATTACH = 1,
	NET_DETACH,
	NET_DONE,
	NET_ERROR,
	NET_CLIENT,
};

#endif
