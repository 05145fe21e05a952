/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-report: lines from a daemon (common/report-proto.h) to one server of Graphite. It knows no
 * secrets and opens nothing but that connection; a name server that does not answer holds up only
 * this program.
 */
#include "agentd/report-resolve.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/report-proto.h"
#include "images/fetch-confine.h"
#include "images/helper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct role {
	struct report_peer peer;
	struct graphite graphite;
	struct ipc_msg msg;
};

static int start(struct role *role, struct err *err)
{
	static const struct json_field fields[] = {
		{ "host", json_string, offsetof(struct report_peer, host), true },
		{ "port", json_string, offsetof(struct report_peer, port), true },
		{ 0 },
	};
	cleanup_json struct json_doc *doc = NULL;
	int r = ipc_recv(HELPER_SOCKET_FD, &role->msg);

	if (r <= 0)
		return err_set(err, r ? -r : EPIPE, "hear from the daemon");
	if (role->msg.type != REPORT_START || role->msg.fd_count)
		r = err_say(err, EPROTO, "the daemon did not begin with START");
	if (r > 0)
		r = json_parse(role->msg.data, role->msg.len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, &role->peer, err);
	ipc_msg_done(&role->msg);
	return r;
}

static int take_lines(struct role *role, struct err *err)
{
	cleanup_free char *lines = NULL;
	size_t len = 0;
	int r;

	if (role->msg.type != REPORT_LINES || role->msg.fd_count != 1)
		return err_say(err, EPROTO, "the daemon sent what is no LINES");
	if (lseek(role->msg.fds[0], 0, SEEK_SET) < 0)
		return err_set(err, errno, "read the lines");
	r = fd_read_all(role->msg.fds[0], REPORT_LINES_MAX, &lines, &len);
	if (r < 0)
		return err_set(err, -r, "read the lines");
	if (len)
		graphite_push(&role->graphite, lines, len);
	return 0;
}

static int hear(struct role *role, struct err *err)
{
	int r = ipc_recv(HELPER_SOCKET_FD, &role->msg);

	if (r == 0)
		exit(EXIT_SUCCESS); /* nothing more will come */
	if (r < 0)
		return err_set(err, -r, "hear from the daemon");
	r = take_lines(role, err);
	ipc_msg_done(&role->msg);
	return r;
}

static void tell(struct role *role, enum graphite_news news, const struct err *why)
{
	const struct report_peer *peer = &role->peer;

	if (news == GRAPHITE_LOST)
		(void)fprintf(stderr,
			REPORT_PROGRAM ": %s port %s: %s; it is tried again\n",
			peer->host, peer->port, why->text);
	if (news == GRAPHITE_RESTORED)
		(void)fprintf(stderr,
			REPORT_PROGRAM ": %s port %s: connected again; %" PRIu64
				       " lines were dropped\n",
			peer->host, peer->port, role->graphite.dropped);
	if (news == GRAPHITE_RESTORED)
		role->graphite.dropped = 0;
}

static int serve(struct role *role, struct err *err)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = HELPER_SOCKET_FD, .events = POLLIN },
			{ .fd = role->graphite.fd,
				.events = graphite_events(&role->graphite) },
		};
		struct err why = { 0 };
		int r;

		if (poll(fds, 2, graphite_wait_ms(&role->graphite)) < 0 && errno != EINTR)
			return err_set(err, errno, "wait");
		r = fds[0].revents ? hear(role, err) : 0;
		if (r < 0)
			return r;
		tell(role, graphite_work(&role->graphite, &why), &why);
	}
}

static int run(struct role *role, struct err *err)
{
	int r = fetch_confine(err);

	if (r == 0)
		r = start(role, err);
	graphite_init(&role->graphite, report_resolve, &role->peer);
	return r < 0 ? r : serve(role, err);
}

int main(void)
{
	cleanup_free struct role *role = calloc(1, sizeof(*role));
	struct err err = { 0 };

	/* Only a failure ends it, or the daemon's end. */
	(void)(role ? run(role, &err) : err_oom(&err));
	(void)!ipc_send_err(HELPER_SOCKET_FD, REPORT_ERROR, &err);
	return EXIT_FAILURE;
}
