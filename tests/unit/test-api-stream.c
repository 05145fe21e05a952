/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/api-stream.h"
#include "agentd/recordio.h"

#include <errno.h>
#include <string.h>

static void put(const struct api_codec *codec, struct api_codec_state *state,
	enum api_piece piece, const char *text, struct buf *out)
{
	codec->put(state, piece, text, text ? strlen(text) : 0, out);
}

static void test_raw(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct api_codec_state s = API_CODEC_STATE;

	put(&api_codec_raw, &s, API_STDOUT, "a", &out);
	put(&api_codec_raw, &s, API_STDERR, "b", &out);
	put(&api_codec_raw, &s, API_TICK, NULL, &out);
	s.has_stderr = false;
	put(&api_codec_raw, &s, API_STDERR, "c", &out);
	put(&api_codec_raw, &s, API_END, NULL, &out);
	assert_string_equal(out.data, "ab");
}

static void test_docker(void **state)
{
	static const char wanted[] = "\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\1c";
	cleanup_buf struct buf out = BUF_INIT;
	struct api_codec_state s = API_CODEC_STATE;

	put(&api_codec_docker, &s, API_STDOUT, "ab", &out);
	put(&api_codec_docker, &s, API_STDERR, "c", &out);
	put(&api_codec_docker, &s, API_EXIT, "12345678", &out);
	assert_int_equal(out.len, sizeof(wanted) - 1);
	assert_memory_equal(out.data, wanted, out.len);
}

static void test_process_io(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct api_codec_state s = API_CODEC_STATE;

	put(&api_codec_process_io, &s, API_STDERR, "abc", &out);
	put(&api_codec_process_io, &s, API_TICK, NULL, &out);
	put(&api_codec_process_io, &s, API_END, NULL, &out);
	assert_string_equal(out.data,
		"54\n{\"type\":\"DATA\",\"data\":{\"type\":\"STDERR\",\"data\":\"YWJj\"}}"
		"102\n{\"type\":\"CONTROL\",\"control\":{\"type\":\"HEARTBEAT\",\"heartbeat\":{"
		"\"interval\":{\"nanoseconds\":15000000000}}}}");
}

/* A record is cut where it would be long, and nothing of it is lost. */
static void test_long_output(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct api_codec_state s = API_CODEC_STATE;
	struct recordio_reader reader = RECORDIO_READER;
	static char text[32768];
	size_t at = 0, taken, records = 0;

	api_codec_process_io.put(&s, API_STDOUT, text, sizeof(text), &out);
	while (at < out.len) {
		assert_int_equal(
			recordio_read(&reader, out.data + at, out.len - at, &taken, NULL),
			1);
		assert_true(reader.record.len < 12000);
		at += taken;
		records++;
	}
	assert_int_equal(records, 4);
	recordio_reader_done(&reader);
}

static void test_sse(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct api_codec_state s = API_CODEC_STATE;

	put(&api_codec_sse, &s, API_STDOUT, "{\"seq\":7,\"a\":1}\n{\"b\"", &out);
	put(&api_codec_sse, &s, API_TICK, NULL, &out);
	put(&api_codec_sse, &s, API_STDOUT, ":2}\nnonsense\n", &out);
	assert_string_equal(
		out.data, "id: 7\ndata: {\"seq\":7,\"a\":1}\n\n:\n\ndata: {\"b\":2}\n\n");
	api_codec_state_done(&s);
}

#define AT "2026-01-31T08:00:00.123456789Z "

/* Lines of a log, cut anywhere: what the task wrote, of the streams that are wanted. */
static void test_log(void **state)
{
	static const char text[] = AT "stdout F one\n" AT "stderr F err\n" AT
				      "stdout P tw\n" AT "stdout F o\nno line\n";

	for (size_t step = 1; step < sizeof(text); step++) {
		cleanup_buf struct buf all = BUF_INIT, out = BUF_INIT, timed = BUF_INIT;
		struct api_codec_state a = API_CODEC_STATE, o = API_CODEC_STATE,
				       t = API_CODEC_STATE;

		o.has_stderr = false;
		t.has_times = true;
		for (size_t at = 0; at < sizeof(text) - 1; at += step) {
			size_t len = sizeof(text) - 1 - at;

			len = len < step ? len : step;
			api_log_put(&a, &api_codec_raw, text + at, len, &all);
			api_log_put(&o, &api_codec_raw, text + at, len, &out);
			api_log_put(&t, &api_codec_raw, text + at, len, &timed);
		}
		assert_string_equal(all.data, "one\nerr\ntwo\n");
		assert_string_equal(out.data, "one\ntwo\n");
		assert_string_equal(timed.data, AT "one\n" AT "err\n" AT "two\n");
		api_codec_state_done(&a);
		api_codec_state_done(&o);
		api_codec_state_done(&t);
	}
}

/* Whatever pieces it comes in. */
static void test_records(void **state)
{
	static const char text[] = "3\nabc0\n11\nhello\nworld";
	static const char *const wanted[] = { "abc", "", "hello\nworld" };

	for (size_t step = 1; step < sizeof(text); step++) {
		struct recordio_reader reader = RECORDIO_READER;
		size_t at = 0, taken, n = 0;

		while (at < sizeof(text) - 1) {
			size_t len = sizeof(text) - 1 - at;
			int r = recordio_read(&reader, text + at, len < step ? len : step,
				&taken, NULL);

			assert_true(r >= 0 && taken > 0);
			at += taken;
			if (r == 0)
				continue;
			assert_int_equal(reader.record.len, strlen(wanted[n]));
			assert_memory_equal(
				reader.record.data, wanted[n], strlen(wanted[n]));
			n++;
		}
		assert_int_equal(n, 3);
		recordio_reader_done(&reader);
	}
}

static void test_no_records(void **state)
{
	static const char *const texts[] = { "\n", "x", "-1\n", " 1\n", "1 \n",
		"262145\n", "00000000001\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct recordio_reader reader = RECORDIO_READER;
		struct err err = { 0 };
		size_t taken;

		assert_int_equal(
			recordio_read(&reader, texts[i], strlen(texts[i]), &taken, &err),
			-EINVAL);
		assert_true(strlen(err.text) > 0);
		recordio_reader_done(&reader);
	}
}

#define IO(rest)                                                                         \
	"{\"type\":\"ATTACH_CONTAINER_INPUT\",\"attach_container_input\":{\"type\":"     \
	"\"PROCESS_IO\",\"process_io\":" rest "}}"

static void test_input(void **state)
{
	static const char hello[] = IO("{\"type\":\"DATA\",\"data\":{\"type\":\"STDIN\","
				       "\"data\":\"aGVsbG8=\"}}");
	static const char end[] = IO("{\"type\":\"DATA\",\"data\":{\"type\":\"STDIN\"}}");
	static const char size[] = IO("{\"type\":\"CONTROL\",\"control\":{\"type\":"
				      "\"TTY_INFO\",\"tty_info\":{\"window_size\":{"
				      "\"rows\":24,\"columns\":80}}}}");
	static const char beat[] =
		IO("{\"type\":\"CONTROL\",\"control\":{\"type\":\"HEARTBEAT\"}}");
	struct api_input input;

	assert_int_equal(api_input_parse(hello, strlen(hello), &input, NULL), 0);
	assert_int_equal(input.kind, API_INPUT_DATA);
	assert_int_equal(input.data.len, 5);
	assert_memory_equal(input.data.data, "hello", 5);
	api_input_done(&input);
	assert_int_equal(api_input_parse(end, strlen(end), &input, NULL), 0);
	assert_true(input.kind == API_INPUT_DATA && input.data.len == 0);
	api_input_done(&input);
	assert_int_equal(api_input_parse(size, strlen(size), &input, NULL), 0);
	assert_int_equal(input.kind, API_INPUT_SIZE);
	assert_true(input.rows == 24 && input.columns == 80);
	assert_int_equal(api_input_parse(beat, strlen(beat), &input, NULL), 0);
	assert_int_equal(input.kind, API_INPUT_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_process_io),
		cmocka_unit_test(test_long_output),
		cmocka_unit_test(test_sse),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_no_records),
		cmocka_unit_test(test_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
