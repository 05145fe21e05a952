/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appc's image discovery (discovery.md): a page of the image's host names templates of URLs in
 * <meta name="ac-discovery" content="PREFIX TEMPLATE">. This is the part without the network.
 */
#ifndef UCR_IMAGES_ACI_DISCOVERY_H
#define UCR_IMAGES_ACI_DISCOVERY_H

#include "common/err.h"
#include "common/str.h"

#define ACI_PAGE_MAX (512U << 10)
#define ACI_TEMPLATES_MAX 64

/*
 * The URLs of an image, best first: of the templates for `name` all of whose labels are known
 * ("name=value" in `labels`), those that use the most of them. `ext` is "aci" or "aci.asc".
 * None: *ret stays NULL. Everything in the page is hostile.
 */
int aci_discovery_urls(const char *page, const char *name, char *const *labels,
	const char *ext, strv *ret, struct err *err) __attribute__((warn_unused_result));

#endif
