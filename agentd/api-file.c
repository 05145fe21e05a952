/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-file.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static bool read_number(const char **at, uint64_t *ret)
{
	char digits[24];
	size_t len = strspn(*at, "0123456789");

	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, *at, len);
	digits[len] = '\0';
	*at += len;
	return str_to_u64(digits, ret) == 0;
}

static enum api_range read_suffix(
	const char *at, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	uint64_t len;

	if (!read_number(&at, &len) || *at)
		return API_RANGE_ALL;
	*ret_len = len < size ? len : size;
	*ret_first = size - *ret_len;
	return *ret_len ? API_RANGE_PART : API_RANGE_NONE;
}

enum api_range api_range_parse(
	const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	const char *at = text ? str_skip_prefix(text, "bytes=") : NULL;
	uint64_t first, last = UINT64_MAX;

	if (!at)
		return API_RANGE_ALL;
	if (*at == '-')
		return read_suffix(at + 1, size, ret_first, ret_len);
	if (!read_number(&at, &first) || *at++ != '-')
		return API_RANGE_ALL;
	if (*at && (!read_number(&at, &last) || *at || last < first))
		return API_RANGE_ALL;
	if (first >= size)
		return API_RANGE_NONE;
	*ret_first = first;
	*ret_len = (last < size ? last + 1 : size) - first;
	return API_RANGE_PART;
}

static void refuse_range(struct api_request *request, uint64_t size)
{
	char range[48];
	struct err err = { 0 };

	(void)err_say(&err, ERANGE, "Range: the file has %" PRIu64 " bytes", size);
	api_request_fail(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, &err);
	(void)snprintf(range, sizeof(range), "bytes */%" PRIu64, size);
	if (request->response)
		(void)MHD_add_response_header(
			request->response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
}

void api_file_answer(struct api_request *request, const char *type, int fd)
{
	cleanup_close int file_fd = fd;
	uint64_t first = 0, len;
	struct MHD_Response *response;
	enum api_range range;
	struct stat st;
	char text[80];

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	len = (uint64_t)st.st_size;
	range = api_range_parse(
		api_request_header(request, MHD_HTTP_HEADER_RANGE), len, &first, &len);
	if (range == API_RANGE_NONE) {
		refuse_range(request, (uint64_t)st.st_size);
		return;
	}
	response = MHD_create_response_from_fd_at_offset64(len, file_fd, first);
	if (!response)
		return;
	(void)take_fd(&file_fd);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	(void)MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, "attachment");
	if (range == API_RANGE_PART) {
		(void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%lld",
			first, first + len - 1, (long long)st.st_size);
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	}
	api_request_respond(request,
		range == API_RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK,
		response, type);
}
