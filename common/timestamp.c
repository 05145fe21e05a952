/* SPDX-License-Identifier: Apache-2.0 */
#include "common/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_PER_DAY 86400

int64_t timestamp_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * TIMESTAMP_SECOND + now.tv_nsec;
}

/*
 * The civil calendar by hand: gmtime_r(3) reads the host's time zone file first. Years
 * are counted from March, so that the leap day is the last of its year; 719468 days lie
 * between 0000-03-01 and the epoch.
 */
struct date {
	int64_t year;
	unsigned int month, day;
};

static struct date date_of_days(int64_t days)
{
	int64_t era = (days + 719468) / 146097;
	int64_t day = (days + 719468) % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t in_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;
	struct date d = {
		.year = year + era * 400 + (month >= 10),
		.month = (unsigned int)(month < 10 ? month + 3 : month - 9),
		.day = (unsigned int)(in_year - (153 * month + 2) / 5 + 1),
	};

	return d;
}

static int64_t days_of_date(const struct date *d)
{
	int64_t year = d->month <= 2 ? d->year - 1 : d->year;
	int64_t era = year / 400;
	int64_t of_era = year % 400;
	int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;
	int64_t in_year = (153 * month + 2) / 5 + d->day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + in_year - 719468;
}

const char *timestamp_format(int64_t ns, char ret[TIMESTAMP_MAX])
{
	int64_t seconds = ns < 0 ? 0 : ns / TIMESTAMP_SECOND;
	unsigned int in_day,
		fraction = ns < 0 ? 0 : (unsigned int)(ns % TIMESTAMP_SECOND);
	struct date d;

	d = date_of_days(seconds / SECONDS_PER_DAY);
	in_day = (unsigned int)(seconds % SECONDS_PER_DAY);
	(void)snprintf(ret, TIMESTAMP_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		(unsigned int)d.year % 10000, d.month % 100, d.day % 100,
		in_day / 3600 % 100, in_day / 60 % 60, in_day % 60,
		fraction % 1000000000);
	return ret;
}

/* Exactly `digits` decimal digits. */
static bool take_number(
	const char **text, int digits, unsigned int max, unsigned int *ret)
{
	unsigned int n = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		n = n * 10 + (unsigned int)(**text - '0');
	}
	*ret = n;
	return n <= max;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool take_date(const char **text, struct date *ret)
{
	unsigned int year;

	if (!take_number(text, 4, 9999, &year) || year < 1970 || !take_char(text, '-') ||
		!take_number(text, 2, 12, &ret->month) || ret->month == 0 ||
		!take_char(text, '-') || !take_number(text, 2, 31, &ret->day) ||
		ret->day == 0)
		return false;
	ret->year = year;
	return true;
}

/* "HH:MM:SS[.fraction]" as nanoseconds of the day; 60 allows for a leap second. */
static bool take_time(const char **text, int64_t *ret)
{
	unsigned int hours, minutes, seconds;
	int64_t fraction = 0, unit = TIMESTAMP_SECOND / 10;

	if (!take_number(text, 2, 23, &hours) || !take_char(text, ':') ||
		!take_number(text, 2, 59, &minutes) || !take_char(text, ':') ||
		!take_number(text, 2, 60, &seconds))
		return false;
	if (take_char(text, '.')) {
		if (**text < '0' || **text > '9')
			return false;
		for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
			fraction += (**text - '0') * unit;
	}
	*ret = (int64_t)(hours * 3600 + minutes * 60 + seconds) * TIMESTAMP_SECOND +
	       fraction;
	return true;
}

/* "Z" or "+HH:MM", in seconds east of UTC. */
static bool take_zone(const char **text, int64_t *ret)
{
	unsigned int hours, minutes;
	bool is_west;

	*ret = 0;
	if (take_char(text, 'Z') || take_char(text, 'z'))
		return true;
	is_west = **text == '-';
	if (!take_char(text, '+') && !take_char(text, '-'))
		return false;
	if (!take_number(text, 2, 23, &hours) || !take_char(text, ':') ||
		!take_number(text, 2, 59, &minutes))
		return false;
	*ret = (int64_t)(hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
	return true;
}

int timestamp_parse(const char *text, int64_t *ret)
{
	int64_t in_day = 0, zone = 0;
	struct date d;

	if (!take_date(&text, &d))
		return -EINVAL;
	if (*text && (!(take_char(&text, 'T') || take_char(&text, 't') ||
			      take_char(&text, ' ')) ||
			     !take_time(&text, &in_day) || !take_zone(&text, &zone)))
		return -EINVAL;
	if (*text)
		return -EINVAL;
	zone = days_of_date(&d) * SECONDS_PER_DAY - zone;
	if (__builtin_mul_overflow(zone, TIMESTAMP_SECOND, &zone) ||
		__builtin_add_overflow(zone, in_day, &zone) || zone < 0)
		return -EINVAL;
	*ret = zone;
	return 0;
}
