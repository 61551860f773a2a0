/* SPDX-License-Identifier: MIT */
/* fields: what create-fields tells, and choices as people name them. */
#include "crm/fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "crm/when.h"
#include "crm/words.h"

static struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static const char answer[] =
	"[{\"component\":\"select-field\",\"attribute\":\"source_id\",\"label\":\"Source\","
	"\"readonly\":false,\"isRequired\":false,\"options\":[{\"id\":5,\"name\":\"Web\"},"
	"{\"id\":\"6\",\"name\":\"Trade fair\",\"email\":\"t@x.org\"}],\"valueKey\":\"id\","
	"\"labelKey\":\"name\",\"customField\":null},"
	"{\"attribute\":\"cf_region\",\"label\":\"Region\",\"isRequired\":true,\"options\":[],"
	"\"customField\":{\"id\":3,\"field_type\":\"Select\",\"options\":[{\"id\":14,"
	"\"custom_field_id\":3,\"name\":\"N\\u00f6rth\"}]}},"
	"{\"attribute\":\"cf_zone\",\"options\":[\"UTC\",\"Europe\\/Oslo\"],\"readonly\":true,"
	"\"customField\":{\"field_type\":\"Timezone\"}},"
	"{\"attribute\":\"cf_new\",\"customField\":{\"field_type\":\"Holograph\"}},"
	"{\"attribute\":\"stage_id\",\"valueKey\":\"key\",\"labelKey\":\"label\",\"options\":{"
	"\"0\":{\"key\":11,\"label\":\"Won\",\"pipeline_id\":1},\"7\":{\"label\":7},\"8\":null}},"
	"{\"attribute\":\"\"},{\"attribute\":5},7,null,{\"label\":\"x\"}]";

static const struct field *find(const struct fields *f, const char *name)
{
	return fields_find(f, name, strlen(name));
}

static void an_answer_is_read(void)
{
	CLEANUP(fields_free) struct fields *f = NULL;

	CHECK_EQ(fields_read(span(answer), &f), 0);
	if (!f)
		return;
	CHECK(fields_are_told(f));
	const struct field *source = find(f, "source_id");
	CHECK(source && !source->is_custom && source->has_options && !source->is_readonly);
	CHECK(source && source->options.count == 2 && source->options.list[1].id == 6);
	CHECK_STR(source ? source->options.list[1].email : "", "t@x.org");
	const struct field *region = find(f, "cf_region");
	CHECK(region && region->is_custom && region->is_required && region->type == FIELD_ONE);
	CHECK(region && region->options.count == 1 && region->options.list[0].id == 14);
	CHECK_STR(region ? region->options.list[0].name : "", "N\xc3\xb6rth");
	const struct field *zone = find(f, "cf_zone");
	CHECK(zone && zone->is_readonly && zone->type == FIELD_TIMEZONE);
	CHECK(zone && zone->options.count == 2 && zone->options.list[1].id == 0);
	CHECK_STR(zone ? zone->label : "", "cf_zone");
	CHECK(find(f, "cf_new") && find(f, "cf_new")->type == FIELD_OTHER);
	CHECK(find(f, "cf_new") && find(f, "cf_new")->is_custom && !find(f, "cf_new")->has_options);
	const struct field *stage = find(f, "stage_id");
	CHECK(stage && stage->options.count == 2 && stage->options.list[0].of == 1);
	CHECK(stage && stage->options.list[0].id == 11);
	CHECK_STR(stage ? stage->options.list[1].name : "", "7");
	CHECK(!find(f, "cf_regio") && !find(f, "cf_region2") && !find(f, ""));
}

static void options_with_ids_go_before_labels(void)
{
	CLEANUP(fields_free) struct fields *f = NULL;

	CHECK_EQ(fields_read(span("[{\"attribute\":\"cf_x\",\"options\":[\"A\",\"B\"],"
				  "\"customField\":{\"field_type\":\"Select\",\"options\":[{\"id\":"
				  "14,\"name\":\"A\"},{\"id\":15,\"name\":\"B\"}]}}]"),
			     &f),
		 0);
	const struct field *x = f ? find(f, "cf_x") : NULL;
	CHECK(x && x->options.count == 2 && x->options.list[1].id == 15);
}

static void every_documented_type_is_known(void)
{
	static const char *const names[] = {
		"Boolean", "Checkbox", "Date",	   "DateTime", "Email",
		"Number",  "Numeric",  "Radio",	   "Select",   "MultiSelect",
		"Text",	   "Textarea", "Timezone", "Url",      "ColorSwatch",
	};
	static const enum field_type wanted[] = {
		FIELD_BOOLEAN, FIELD_MANY,     FIELD_DATE,     FIELD_DATETIME, FIELD_EMAIL,
		FIELD_NUMBER,  FIELD_NUMERIC,  FIELD_ONE,      FIELD_ONE,      FIELD_MANY,
		FIELD_TEXT,    FIELD_TEXTAREA, FIELD_TIMEZONE, FIELD_URL,      FIELD_COLOR,
	};
	char item[200];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(fields_free) struct fields *f = NULL;
		snprintf(item, sizeof(item),
			 "{\"data\":[{\"attribute\":\"cf_x\",\"customField\":{\"field_type\":"
			 "\"%s\"}}]}",
			 names[i]);
		CHECK_EQ(fields_read(span(item), &f), 0);
		CHECK(f && find(f, "cf_x") && find(f, "cf_x")->type == wanted[i]);
	}
}

static void what_is_no_list_is_refused(void)
{
	static const char *const bad[] = {"", "{}", "null", "7", "[", "{\"data\":{}}", "<html>"};
	struct fields *f = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_EQ(fields_read(span(bad[i]), &f), -EINVAL);
		CHECK(!f);
	}
	f = fields_none();
	CHECK(f && !fields_are_told(f) && !find(f, "a"));
	fields_free(f);
	fields_free(NULL);
}

static const struct choice *named(const struct choices *c, const char *name, uint64_t of,
				  long long wanted)
{
	size_t count;
	const struct choice *found = choices_by_name(c, name, strlen(name), of, &count);

	CHECK_EQ((long long)count, wanted);
	CHECK(!found == !wanted);
	return found;
}

static void choices_are_found_as_people_write_them(void)
{
	CLEANUP(choices_fini) struct choices c = {0};

	CHECK_EQ(choices_add(&c, 11, 1, span("\"Won\"")), 0);
	CHECK_EQ(choices_add(&c, 21, 2, span("\"won \"")), 0);
	CHECK_EQ(choices_add(&c, 3, 0, span("\"\\u00c5sa \\u0394\\u0416\"")), 0);
	CHECK_EQ(choices_set_email(&c, span("\"asa@x.org\"")), 0);
	CHECK_EQ(choices_add(&c, 3, 0, span("\"\xc3\x85sa \xce\x94\xd0\x96\"")), 0);
	CHECK_EQ(choices_add(&c, 0, 0, span("VIP")), 0);
	CHECK_STR(c.list[4].name, "VIP");
	named(&c, "WON", 0, 2);
	CHECK(named(&c, " Won\t", 1, 1)->id == 11);
	CHECK(named(&c, "wOn", 2, 1)->id == 21);
	named(&c, "Won", 3, 0);
	CHECK(named(&c, "\xc3\xa5SA \xce\xb4\xd0\xb6", 0, 1)->id == 3);
	CHECK(named(&c, "ASA@x.org", 0, 1)->id == 3);
	CHECK(named(&c, "vip", 0, 1)->id == 0);
	named(&c, "vi", 0, 0);
	named(&c, "", 0, 0);
	CHECK(choices_by_id(&c, 21) == &c.list[1] && !choices_by_id(&c, 0) &&
	      !choices_by_id(&c, 9));
}

static void choices_are_listed_and_cut(void)
{
	CLEANUP(choices_fini) struct choices c = {0};
	char out[1000], small[70];

	choices_print(&c, 0, out, sizeof(out));
	CHECK_STR(out, "");
	choices_add(&c, 14, 1, span("\"North\\n\""));
	choices_add(&c, 0, 2, span("\"South\""));
	choices_print(&c, 0, out, sizeof(out));
	CHECK_STR(out, "North (14), South");
	choices_print(&c, 2, out, sizeof(out));
	CHECK_STR(out, "South");
	for (uint64_t i = 1; i <= 40; i++)
		choices_add(&c, i, 3, span("\"x\""));
	choices_print(&c, 3, out, sizeof(out));
	CHECK(strstr(out, "x (30) and 10 more") && !strstr(out, "x (31)"));
	choices_print(&c, 0, small, sizeof(small));
	CHECK_STR(small, "North (14), South, x (1), x (2) and 38 more");
	choices_print(&c, 0, small, 1);
	CHECK_STR(small, "");
}

static void words_are_trimmed_as_the_server_trims(void)
{
	struct jspan t =
		words_trim(span("\xc2\xa0 \t\xe2\x80\x8bM\xc3\xa5r\xc3\xa5\xe3\x80\x80\n"));

	CHECK(t.n == 6 && memcmp(t.p, "M\xc3\xa5r\xc3\xa5", 6) == 0);
	CHECK(words_trim(span(" \n")).n == 0);
	CHECK(words_same(span("STRASSE \xe1\xba\x9e"), span("strasse \xc3\x9f")));
	CHECK(words_same(span("\xc5\xa0i\xc5\xb8"), span("\xc5\xa1I\xc3\xbf")));
	CHECK(!words_same(span("a"), span("ab")) && !words_same(span("a"), span("b")));
}

static int64_t at(const char *s)
{
	struct when w;

	return when_read(span(s), &w) < 0 ? INT64_MIN : w.at;
}

static void times_are_read_and_printed(void)
{
	char day[WHEN_DAY_SIZE], time[WHEN_TIME_SIZE];
	struct when w;

	CHECK_EQ(at("1970-01-01"), 0);
	CHECK_EQ(at("2025-03-01T09:30:00.000000Z"), 1740821400);
	CHECK_EQ(at("2025-03-01 09:30:00"), 1740821400);
	CHECK_EQ(at("2025-03-01 09:30"), 1740821400);
	CHECK_EQ(at("2025-03-01T11:30:00+02:00"), 1740821400);
	CHECK(at("2025-02-29") == INT64_MIN && at("2025-13-01") == INT64_MIN);
	CHECK(at("2025-03-01x") == INT64_MIN && at("2025-03-01T25:00:00") == INT64_MIN);
	CHECK(at("2025-03-01 09:30:00.") == INT64_MIN && at("1.3.2025") == INT64_MIN);
	CHECK(at("2025-03-01 09:30:00Zx") == INT64_MIN && at("") == INT64_MIN);
	CHECK_EQ(when_read(span("2025-03-01"), &w), 0);
	CHECK(!w.has_time && w.is_midnight && !w.has_zone);
	CHECK_EQ(when_read(span("2025-03-01T00:00:00.000000Z"), &w), 0);
	CHECK(w.has_time && w.has_seconds && w.is_midnight && w.has_zone);
	CHECK_EQ(when_read(span("2025-03-01T00:00:00+01:00"), &w), 0);
	CHECK(!w.is_midnight);
	static const int64_t samples[] = {0,	     -1,	   1740821400,	951782399,
					  951868800, -62167219200, 253402300799};
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		when_print_time(samples[i], time);
		CHECK_EQ(at(time), samples[i]);
		when_print_day(samples[i], day);
		CHECK(memcmp(day, time, 10) == 0 && strlen(day) == 10);
	}
	when_print_time(1740821400, time);
	CHECK_STR(time, "2025-03-01 09:30:00");
	when_print_time(INT64_MAX / 2, time);
	CHECK_STR(time, "9999-12-31 23:59:59");
}

int main(void)
{
	an_answer_is_read();
	options_with_ids_go_before_labels();
	every_documented_type_is_known();
	what_is_no_list_is_refused();
	choices_are_found_as_people_write_them();
	choices_are_listed_and_cut();
	words_are_trimmed_as_the_server_trims();
	times_are_read_and_printed();
	return check_done("fields");
}
