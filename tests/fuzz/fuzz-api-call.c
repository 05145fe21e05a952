/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the agent's API; what is understood is understood again at the other end. */
#include "agentd/api-calls.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct agent_call call = { 0 }, again = { 0 };

	if (api_call_parse((const char *)data, size, &call, NULL) < 0)
		return 0;
	call.id = 1;
	agent_call_write(&w, &call);
	if (buf_finish(&b) < 0 || agent_call_parse(b.data, b.len, &again, NULL) < 0)
		abort();
	if (!str_eq(call.op, again.op) ||
		strv_len(call.run.env) != strv_len(again.run.env) ||
		call.tasks.count != again.tasks.count)
		abort();
	agent_call_done(&call);
	agent_call_done(&again);
	return 0;
}
