/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network-host.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#define VALUE_MAX 32
#define IPV6_CONF "ipv6/conf"

struct setting {
	const char *name, *value;
	bool is_ipv6;
};

/* Published ports are reached from 127.0.0.1, too; a neighbour is no better way to another. No
 * container configures the host by advertisements, nor its neighbours. */
static const struct setting bridge_settings[] = {
	{ "ipv4/conf/" NETWORK_BRIDGE_NAME "/route_localnet", "1", false },
	{ "ipv4/conf/" NETWORK_BRIDGE_NAME "/send_redirects", "0", false },
	{ "ipv4/conf/" NETWORK_BRIDGE_NAME "/accept_redirects", "0", false },
	{ "ipv6/conf/" NETWORK_BRIDGE_NAME "/accept_ra", "0", true },
	{ "ipv6/conf/" NETWORK_BRIDGE_NAME "/accept_redirects", "0", true },
	{ NULL },
};

static const struct setting inside_settings[] = {
	{ "ipv6/conf/" NETWORK_INTERFACE "/accept_ra", "0", true },
	{ "ipv6/conf/" NETWORK_INTERFACE "/accept_redirects", "0", true },
	{ NULL },
};

static int apply(
	int dirfd, const struct setting *settings, bool has_ipv6, struct err *err)
{
	int r;

	for (const struct setting *s = settings; s->name; s++) {
		if (s->is_ipv6 && !has_ipv6)
			continue;
		r = fd_write_kernel_file(dirfd, s->name, s->value);
		if (r < 0)
			return err_set(err, -r, "write %s to /proc/sys/net/%s", s->value,
				s->name);
	}
	return 0;
}

int network_bridge_sysctls(int sysctl_dirfd, bool has_ipv6, struct err *err)
{
	return apply(sysctl_dirfd, bridge_settings, has_ipv6, err);
}

int network_inside_sysctls(int sysctl_dirfd, struct err *err)
{
	return apply(sysctl_dirfd, inside_settings, network_has_ipv6(sysctl_dirfd), err);
}

static bool is(int dirfd, const char *name, const char *value)
{
	char text[VALUE_MAX];

	if (fd_read_kernel_file(dirfd, name, text, sizeof(text)) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return str_eq(text, value);
}

bool network_has_ipv6(int sysctl_dirfd)
{
	return is(sysctl_dirfd, IPV6_CONF "/default/disable_ipv6", "0");
}

static const char *forwarding_name(sa_family_t family)
{
	return family == AF_INET ? "ipv4/ip_forward" : IPV6_CONF "/all/forwarding";
}

bool network_is_forwarding(int sysctl_dirfd, sa_family_t family)
{
	return !is(sysctl_dirfd, forwarding_name(family), "0");
}

/* A host that forwards IPv6 no longer listens to routers, by which it may have its own default
 * route, unless an interface is told to go on. */
static int keep_routers(int sysctl_dirfd)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int r = 0;
	int fd = openat(sysctl_dirfd, IPV6_CONF, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (e = readdir(dir))) {
		cleanup_free char *name = str_printf("%s/accept_ra", e->d_name);

		if (!name)
			return -ENOMEM;
		if (is(fd, name, "1") && !str_eq(e->d_name, "default"))
			r = fd_write_kernel_file(fd, name, "2");
	}
	return r;
}

int network_forward(int sysctl_dirfd, sa_family_t family, struct err *err)
{
	const char *name = forwarding_name(family);
	int r = family == AF_INET6 ? keep_routers(sysctl_dirfd) : 0;

	if (r == 0)
		r = fd_write_kernel_file(sysctl_dirfd, name, "1");
	return r < 0 ? err_set(err, -r, "write 1 to /proc/sys/net/%s", name) : 0;
}
