/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of METHOD, PATH, QUERY, LOGIN and a body; what is understood is so at the other end, too. */
#include "agentd/docker-calls.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = strndup((const char *)data, size);
	char *rest = text, *said[4], *query[2] = { NULL };
	cleanup_agent_call struct agent_call call = { 0 }, again = { 0 };
	const struct docker_route *route;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	for (int i = 0; i < 4; i++)
		said[i] = strsep(&rest, "\n");
	query[0] = said[2];
	if (!rest || docker_route_find(said[0], said[1], &route, NULL) < 0 ||
		docker_call_parse(route,
			&(struct docker_request){
				said[0], said[1], query, said[3], rest, strlen(rest) },
			&call, NULL) < 0)
		return 0;
	call.id = 1;
	agent_call_write(&w, &call);
	if (buf_finish(&b) < 0 || agent_call_parse(b.data, b.len, &again, NULL) < 0)
		abort();
	return 0;
}
