/* SPDX-License-Identifier: Apache-2.0 */
/* A record of ATTACH_CONTAINER_INPUT, behind the first: mesos.v1.agent.ProcessIO in JSON. */
#include "agentd/api-stream.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/str.h"

#include <errno.h>
#include <nettle/base64.h>

struct record {
	char *call, *type, *io_type, *data_type, *data, *control_type;
	uint32_t rows, columns;
};

#define AT(member) offsetof(struct record, member)

static const struct json_field size_members[] = {
	{ "rows", json_u32, AT(rows), true },
	{ "columns", json_u32, AT(columns), true },
	{ 0 },
};
static const struct json_field tty_members[] = {
	{ "window_size", json_object, 0, false, size_members },
	{ 0 },
};
static const struct json_field control_members[] = {
	{ "type", json_string, AT(control_type), true },
	{ "tty_info", json_object, 0, false, tty_members },
	{ 0 },
};
static const struct json_field data_members[] = {
	{ "type", json_string, AT(data_type), true },
	{ "data", json_string, AT(data) },
	{ 0 },
};
static const struct json_field io_members[] = {
	{ "type", json_string, AT(io_type), true },
	{ "data", json_object, 0, false, data_members },
	{ "control", json_object, 0, false, control_members },
	{ 0 },
};
static const struct json_field input_members[] = {
	{ "type", json_string, AT(type), true },
	{ "process_io", json_object, 0, false, io_members },
	{ 0 },
};
static const struct json_field members[] = {
	{ "type", json_string, AT(call), true },
	{ "attach_container_input", json_object, 0, true, input_members },
	{ 0 },
};

void api_input_done(struct api_input *input)
{
	buf_done(&input->data);
	*input = (struct api_input){ .kind = API_INPUT_NOTHING };
}

static int take_data(const struct record *record, struct api_input *ret, struct err *err)
{
	struct base64_decode_ctx ctx;
	size_t len = record->data ? strlen(record->data) : 0, decoded;
	char *room = buf_room(&ret->data, BASE64_DECODE_LENGTH(len) + 1);

	if (!room)
		return err_oom(err);
	if (!record->data_type || !str_eq(record->data_type, "STDIN"))
		return err_say(err, EINVAL,
			"attach_container_input.process_io.data.type: want STDIN");
	base64_decode_init(&ctx);
	if (len && (!base64_decode_update(
			    &ctx, &decoded, (uint8_t *)room, len, record->data) ||
			   !base64_decode_final(&ctx)))
		return err_say(err, EINVAL,
			"attach_container_input.process_io.data.data: want base64");
	buf_add(&ret->data, len ? decoded : 0);
	ret->kind = API_INPUT_DATA;
	return 0;
}

static int take_control(
	const struct record *record, struct api_input *ret, struct err *err)
{
	if (!record->control_type)
		return err_say(err, EINVAL,
			"attach_container_input.process_io.control is missing");
	if (!str_eq(record->control_type, "TTY_INFO"))
		return 0;
	if (!record->rows || !record->columns || record->rows > UINT16_MAX ||
		record->columns > UINT16_MAX)
		return err_say(err, EINVAL,
			"attach_container_input.process_io.control.tty_info.window_size: "
			"want rows and columns from 1 to %d",
			UINT16_MAX);
	ret->kind = API_INPUT_SIZE;
	ret->rows = (uint16_t)record->rows;
	ret->columns = (uint16_t)record->columns;
	return 0;
}

static int take(const struct record *record, struct api_input *ret, struct err *err)
{
	if (!str_eq(record->call, "ATTACH_CONTAINER_INPUT"))
		return err_say(
			err, EINVAL, "type: want ATTACH_CONTAINER_INPUT in every record");
	if (!str_eq(record->type, "PROCESS_IO") || !record->io_type)
		return err_say(err, EINVAL,
			"attach_container_input.type: want PROCESS_IO in every record but the "
			"first");
	if (str_eq(record->io_type, "DATA"))
		return take_data(record, ret, err);
	if (str_eq(record->io_type, "CONTROL"))
		return take_control(record, ret, err);
	return err_say(err, EINVAL,
		"attach_container_input.process_io.type: want DATA or CONTROL");
}

int api_input_parse(const char *text, size_t len, struct api_input *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct record record = { 0 };
	struct api_input input = { .kind = API_INPUT_NOTHING };
	int r = json_parse(text, len, &doc, err);

	if (r == 0)
		r = json_decode(json_root(doc), members, &record, err);
	if (r == 0)
		r = take(&record, &input, err);
	json_release(members, &record);
	if (r < 0)
		api_input_done(&input);
	else
		*ret = input;
	return r;
}
