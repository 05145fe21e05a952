/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses a host may have that nobody named: a redirect or a token service must not lead
 * into this host or the networks behind it (server-side request forgery). Asked at the moment
 * of connecting, about the very address that is connected to, so that a name cannot mean one
 * address when it is checked and another one when it is used.
 */
#ifndef UCR_IMAGES_HTTP_ADDRESS_H
#define UCR_IMAGES_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Loopback, link-local, private, shared, multicast or reserved, also where an IPv6 address
 * only wraps such a one; anything but IP. */
bool address_is_local(const struct sockaddr *address);

/* In one of the networks "ADDRESS/BITS" (or "ADDRESS"). */
bool address_is_in(const struct sockaddr *address, char *const *networks);

/* An IP address as it stands in a URL ("10.0.0.1", "[::1]"). False when it is a name. */
bool address_of_literal(const char *host, struct sockaddr_storage *ret);

#define ADDRESS_TEXT_MAX 64
const char *address_text(const struct sockaddr *address, char ret[ADDRESS_TEXT_MAX]);

#endif
