/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are a file, or the part of one that the header Range asks for. */
#ifndef UCR_AGENTD_API_FILE_H
#define UCR_AGENTD_API_FILE_H

#include "agentd/api-private.h"

#include <stdbool.h>

enum api_range { API_RANGE_ALL, API_RANGE_PART, API_RANGE_NONE };

/* "bytes=FIRST-", "bytes=FIRST-LAST", "bytes=-LENGTH" of a file of `size` bytes. ALL also for what is
 * not understood, which is to be ignored (RFC 9110 §14.2); NONE: nothing of it is there. */
enum api_range api_range_parse(
	const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_len);

/* Takes `fd` over. */
void api_file_answer(struct api_request *request, const char *type, int fd);

#endif
