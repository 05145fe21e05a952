/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network-client.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>

const struct helper_program network_program = {
	.name = NET_PROGRAM,
	.done = NET_DONE,
	.error = NET_ERROR,
};

/* ---- which one ------------------------------------------------------------------------ */

/* A pair of which the agent's ucr-net gets one end. */
static int connect_kept(int net_fd, struct helper *ret)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], r = ipc_pair(pair);

	if (r < 0)
		return r;
	ours = pair[0];
	theirs = pair[1];
	r = ipc_send(net_fd, NET_CLIENT, NULL, 0, &theirs, 1);
	if (r < 0)
		return r;
	*ret = (struct helper){ .program = &network_program,
		.socket_fd = take_fd(&ours) };
	return 0;
}

static int start_own(struct network_client *client, struct err *err)
{
	client->is_kept = client->is_lost = false;
	return helper_start(&network_program, engine_libexec_path(client->engine), -1,
		&client->helper, err);
}

int network_client_start(
	const struct engine *engine, struct network_client *ret, struct err *err)
{
	int net_fd = engine_net_fd(engine);

	*ret = (struct network_client)NETWORK_CLIENT_NONE;
	ret->engine = engine;
	ret->is_kept = net_fd >= 0 && connect_kept(net_fd, &ret->helper) == 0;
	return ret->is_kept ? 0 : start_own(ret, err);
}

void network_client_stop(struct network_client *client)
{
	helper_stop(&client->helper);
	*client = (struct network_client)NETWORK_CLIENT_NONE;
}

/* ---- requests ------------------------------------------------------------------------- */

static int take_notes(const struct ipc_msg *msg, struct notes *notes, struct err *err)
{
	static const struct json_field fields[] = {
		{ "notes", json_strv, offsetof(struct notes, lines), true },
		{ NULL },
	};
	cleanup_json struct json_doc *doc = NULL;
	struct notes told = { 0 };
	int r;

	if (msg->type != NET_DONE)
		return err_say(err, EPROTO, NET_PROGRAM " answered out of turn");
	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, &told, err);
	strv_each (line, told.lines)
		notes_add(notes, "%s", *line);
	notes_done(&told);
	return r;
}

static int ask(struct network_client *client, enum net_msg type,
	const struct network *network, int netns_fd, struct notes *notes, struct err *err)
{
	cleanup_free struct ipc_msg *msg = calloc(1, sizeof(*msg));
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (!msg)
		return err_oom(err);
	jw_object(&w, NULL);
	network_write(&w, network);
	jw_object_end(&w);
	client->helper.is_finished = false;
	r = helper_send(&client->helper, type, &b, &netns_fd, netns_fd >= 0, err);
	if (r == 0)
		r = helper_recv(&client->helper, msg, err);
	client->is_lost = !client->helper.is_finished;
	if (r < 0)
		return r;
	r = take_notes(msg, notes, err);
	ipc_msg_done(msg);
	return r;
}

/* What the one that ended may have done half is taken away first. */
static int ask_again(struct network_client *client, enum net_msg type,
	const struct network *network, int netns_fd, struct notes *notes, struct err *err)
{
	int r;

	helper_stop(&client->helper);
	r = start_own(client, err);
	if (r == 0 && type == NET_ATTACH)
		r = ask(client, NET_DETACH, network, -1, NULL, err);
	return r < 0 ? r : ask(client, type, network, netns_fd, notes, err);
}

int network_client_ask(struct network_client *client, enum net_msg type,
	const struct network *network, int netns_fd, struct notes *notes, struct err *err)
{
	int r = ask(client, type, network, netns_fd, notes, err);

	return r < 0 && client->is_kept && client->is_lost
		       ? ask_again(client, type, network, netns_fd, notes, err)
		       : r;
}
