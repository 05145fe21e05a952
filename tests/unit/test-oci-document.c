/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/str.h"
#include "images/oci-document.h"

#include <errno.h>

#define INDEX "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DESCRIPTOR "{\"digest\":\"sha256:0\",\"size\":1}"

struct row {
	const char *text, *media_type;
	int kind; /* -1: refused */
};

static void test_kinds(void **state)
{
	static const struct row rows[] = {
		{ "{\"schemaVersion\":2,\"manifests\":[]}", NULL, OCI_INDEX },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", INDEX, OCI_INDEX },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", MANIFEST, -1 },
		{ "{\"schemaVersion\":2,\"config\":" DESCRIPTOR ",\"layers\":[]}",
			MANIFEST, OCI_MANIFEST },
		{ "{\"schemaVersion\":2,\"config\":" DESCRIPTOR ",\"layers\":[]}", INDEX,
			-1 },
		{ "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", NULL, -1 },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"layers\":[]}", NULL,
			-1 },
		{ "{\"schemaVersion\":2,\"mediaType\":\"x\",\"layers\":[]}", NULL, -1 },
		{ "{\"schemaVersion\":2}", NULL, -1 },
		{ "{\"schemaVersion\":1,\"layers\":[]}", NULL, -1 },
		{ "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"x\",\"size\":-1}]}",
			NULL, -1 },
		{ "{\"schemaVersion\":2,\"layers\":[{\"size\":1}]}", NULL, -1 },
		{ "[]", NULL, -1 },
		{ "{\"schemaVersion\":2,\"fsLayers\":[]}", NULL, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct oci_document doc = { 0 };
		struct err err = { 0 };
		int r = oci_document_parse(rows[i].text, strlen(rows[i].text),
			rows[i].media_type, &doc, &err);

		if (rows[i].kind < 0) {
			assert_true(r < 0);
			assert_true(*err.text);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal((int)doc.kind, rows[i].kind);
		oci_document_done(&doc);
	}
}

static void test_too_many_descriptors(void **state)
{
	cleanup_free char *text = malloc(100000);
	struct oci_document doc;
	struct err err = { 0 };
	char *at;

	assert_non_null(text);
	at = stpcpy(text, "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR);
	for (int i = 0; i < 1000; i++)
		at = stpcpy(at, "," DESCRIPTOR);
	at = stpcpy(at, "]}");
	assert_int_equal(
		oci_document_parse(text, (size_t)(at - text), NULL, &doc, &err), -E2BIG);
}

static void test_layer_kinds(void **state)
{
	static const struct {
		const char *media_type;
		enum oci_layer_kind kind;
	} rows[] = {
		{ "application/vnd.oci.image.layer.v1.tar", OCI_LAYER_TAR },
		{ "application/vnd.oci.image.layer.v1.tar+gzip", OCI_LAYER_TAR },
		{ "application/vnd.oci.image.layer.v1.tar+zstd", OCI_LAYER_TAR },
		{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
			OCI_LAYER_FOREIGN },
		{ "application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER_TAR },
		{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
			OCI_LAYER_FOREIGN },
		{ "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
			OCI_LAYER_ENCRYPTED },
		{ "application/vnd.oci.image.layer.v1.tarball", OCI_LAYER_UNKNOWN },
		{ "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
			OCI_LAYER_UNKNOWN },
		{ "", OCI_LAYER_UNKNOWN },
		{ NULL, OCI_LAYER_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
			(int)oci_layer_kind(rows[i].media_type), (int)rows[i].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_too_many_descriptors),
		cmocka_unit_test(test_layer_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
