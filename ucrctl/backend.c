/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"

#include "common/cleanup.h"
#include "common/http-client.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SCHEME "unix://"

static int choose_agent(struct ctl *ctl, const char *whose, const char *host,
	const struct backend **ret, struct err *err)
{
	const char *path = str_skip_prefix(host, SCHEME);

	if (!path || *path != '/') {
		(void)err_say(err, EINVAL,
			"%s: \"%.200s\" is no host that can be spoken to", whose, host);
		return err_hint(
			err, "give the socket of an agent, as " SCHEME AGENT_SOCKET);
	}
	ctl->socket_path = path;
	*ret = &backend_agent;
	return 0;
}

static bool has_own_directory(void)
{
	cleanup_free char *root = NULL;
	struct err ignored;

	return engine_default_root(&root, &ignored) == 0 &&
	       faccessat(AT_FDCWD, root, W_OK | X_OK, AT_EACCESS) == 0;
}

static bool does_agent_answer(void)
{
	cleanup_http_client struct http_client *client = NULL;
	struct err ignored;

	return http_client_open(AGENT_SOCKET, &client, &ignored) == 0;
}

int backend_choose(struct ctl *ctl, const struct backend **ret, struct err *err)
{
	const char *host = getenv(HOST_VARIABLE);

	if (ctl->host && ctl->root)
		return err_say(err, EINVAL,
			"--root is a directory of this host, and --host is another's: give one of them");
	if (ctl->host)
		return choose_agent(ctl, "--host", ctl->host, ret, err);
	if (!ctl->root && !str_empty(host))
		return choose_agent(ctl, HOST_VARIABLE, host, ret, err);
	if (!ctl->root && !has_own_directory() && does_agent_answer())
		return choose_agent(ctl, "", SCHEME AGENT_SOCKET, ret, err);
	*ret = &backend_local;
	return 0;
}

int backend_refuse(const struct ctl *ctl, struct err *err)
{
	(void)err_say(err, ENOTSUP, "%s: the agent at %s is not asked for this",
		ctl->verb, ctl->socket_path);
	return err_hint(err,
		"it is done where the containers are: run it there without --host and "
		"without " HOST_VARIABLE ", or with --root");
}
