/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/flame-options.h"

#include <errno.h>
#include <inttypes.h>

int flame_options_check(const struct flame_options *o, struct err *err)
{
	if (o->frequency < 1 || o->frequency > FLAME_FREQUENCY_MAX)
		return err_say(err, EINVAL, "frequency %u: want 1 to %d", o->frequency,
			FLAME_FREQUENCY_MAX);
	if (o->duration_ms < 1 || o->duration_ms > FLAME_DURATION_MS_MAX)
		return err_say(err, EINVAL, "duration %" PRIu64 " ms: want 1 to %d",
			o->duration_ms, FLAME_DURATION_MS_MAX);
	return 0;
}
