/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a daemon that measures and ucr-report, which sends what was measured over the network and
 * can do nothing else. Messages of common/ipc.h; the socket is descriptor 3 of ucr-report.
 *
 * Daemon to ucr-report:
 *   START {"host", "port"}   first, once
 *   LINES                    fds: a memfd of whole lines of Graphite's protocol
 * ucr-report to daemon:
 *   ERROR                    a struct err: it cannot serve. How the connection fares it says on
 *                            its standard error, which is the daemon's.
 */
#ifndef UCR_COMMON_REPORT_PROTO_H
#define UCR_COMMON_REPORT_PROTO_H

enum report_msg { REPORT_START = 1, REPORT_LINES, REPORT_ERROR };

#define REPORT_PROGRAM "ucr-report"
#define REPORT_LINES_MAX (64U << 20) /* bytes of one memfd */

#endif
