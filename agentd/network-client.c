/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network-client.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>

static const struct helper_program net_program = {
	.name = NET_PROGRAM,
	.done = NET_DONE,
	.error = NET_ERROR,
};

int network_client_start(const char *libexec_path, struct helper *ret, struct err *err)
{
	return helper_start(&net_program, libexec_path, -1, ret, err);
}

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

int network_client_ask(struct helper *client, enum net_msg type,
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
	r = helper_send(client, type, &b, &netns_fd, netns_fd >= 0, err);
	if (r == 0)
		r = helper_recv(client, msg, err);
	if (r < 0)
		return r;
	r = take_notes(msg, notes, err);
	ipc_msg_done(msg);
	return r;
}
