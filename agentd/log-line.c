/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/log.h"

#include "common/timestamp.h"

#include <string.h>
#include <unistd.h>

/* All before the text has a fixed width. */
#define AT_STREAM 31
#define AT_TAG 38
#define AT_TEXT 40

bool log_line_parse(const char *record, size_t len, struct log_line *ret)
{
	char stamp[TIMESTAMP_MAX];

	if (len < AT_TEXT)
		return false;
	memcpy(stamp, record, TIMESTAMP_MAX - 1);
	stamp[TIMESTAMP_MAX - 1] = '\0';
	if (record[AT_STREAM - 1] != ' ' || record[AT_TEXT - 1] != ' ')
		return false;
	if (timestamp_parse(stamp, &ret->time) < 0)
		return false;
	ret->stream = memcmp(record + AT_STREAM, "stderr", 6) == 0 ? STDERR_FILENO
								   : STDOUT_FILENO;
	ret->is_partial = record[AT_TAG] == 'P';
	ret->text = record + AT_TEXT;
	ret->len = len - AT_TEXT;
	return true;
}
