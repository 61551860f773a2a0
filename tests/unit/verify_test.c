/* SPDX-License-Identifier: MIT */
/* verify: what an answer shows of what was sent. */
#include "edit_fixture.h"

static struct report report;

static const char *verify(const char *kind, const char *sent, const char *before,
			  const char *answer, const char *mine)
{
	static struct buf b = {.max = 1 << 20};
	struct jspan was = before ? span(before) : (struct jspan){0};

	report_fini(&report);
	buf_clear(&b);
	int err = edit_verify(kind_find(kind), span(sent), was, span(answer), span(mine), &report);
	CHECK_EQ(err, report.count ? -EPERM : 0);
	report_write(&report, "f", &b);
	return b.data ? b.data : "";
}

/* One member is sent over before, and this comes back. */
static bool taken(const char *name, const char *sent, const char *before, const char *answer)
{
	char texts[3][300];
	const char *values[] = {sent, before, answer};

	for (int i = 0; i < 3; i++)
		snprintf(texts[i], sizeof(texts[i]), "{\"%s\": %s}", name, values[i]);
	return !*verify("contacts", texts[0], texts[1], texts[2], texts[0]);
}

static void what_was_left_is_told(void)
{
	CHECK_STR(verify("contacts", "{\"city\":\"B\",\"email\":\"e\"}",
			 "{\"city\": \"A\", \"email\": \"d\"}", "{\"city\":\"A\",\"email\":\"e\"}",
			 "{\n  \"email\": \"e\",\n  \"city\": \"B\"\n}"),
		  "f:3:11: city: the server left it as it was, \"A\": perhaps you may not change "
		  "it\n");
	CHECK_STR(verify("contacts", "{\"user_id\":3}", "{\"user_id\": 2}", "{\"user_id\":2}",
			 "{\n \"user\": {\"id\": 3}}"),
		  "f:2:10: user_id: the server left it as it was, 2: perhaps you may not change "
		  "it\n");
	CHECK_STR(verify("contacts", "{\"city\":\"B\"}", NULL, "{\"city\":null}",
			 "{\"city\": \"B\"}"),
		  "f:1:10: city: the server made it null: perhaps you may not set it\n");
	CHECK_STR(verify("deals", "{\"status\":\"won\",\"user_id\":3,\"name\":\"A\"}", NULL,
			 "{\"status\":\"open\",\"user_id\":3,\"name\":\"a\"}",
			 "{\"status\": \"won\"}"),
		  "f:1:12: status: the server made it \"open\": perhaps you may not set it\n");
	CHECK_STR(verify("contacts", "{\"city\":\"B\"}", NULL, "{\"city\":\"C\"}", "{}"), "");
	CHECK(!taken("cf_region", "15", "14", "14"));
	CHECK(!taken("cf_need", "[31]", "[]", "[]"));
	CHECK(!taken("cf_need", "[31,33]", "[{\"id\":31},{\"id\":32}]",
		     "[{\"id\":31},{\"id\":32}]"));
	CHECK(*verify("contacts", "{\"state\":\"B\"}", "{}", "{\"state\":null}", "{}"));
	CHECK(!*verify("contacts", "{\"state\":\"B\"}", "{}", "{\"state\":\"b\"}", "{}"));
	CHECK(!taken("cf_need", "[31,32]", "[{\"id\":31}]", "[{\"id\":31,\"name\":\"x\"}]"));
	CHECK(!taken("tags", "[\"New\"]", "[{\"id\":3,\"name\":\"Fair\"}]",
		     "[{\"id\":3,\"name\":\"Fair\"}]"));
	CHECK(!taken("phones", "[{\"number\":\"+1\"}]", "[]", "[]"));
	CHECK(!taken("cf_day", "\"2025-01-02\"", "\"2025-01-01T00:00:00.000000Z\"",
		     "\"2025-01-01T00:00:00.000000Z\""));
	CHECK(!taken("amount", "7", "5", "5"));
	CHECK(!taken("is_completed", "true", "false", "false"));
}

static void what_the_server_made_of_it_is_taken(void)
{
	CHECK(taken("city", "\" A \"", "\"A\"", "\"A\""));
	CHECK(taken("city", "\"\"", "null", "null"));
	CHECK(taken("city", "\"A\\u200e\"", "\"A\"", "\"A\""));
	CHECK(taken("cf_score", "null", "0", "0"));
	CHECK(taken("amount", "12.349", "12.35", "12.35"));
	CHECK(taken("cf_score", "\"5\"", "5", "5"));
	CHECK(taken("cf_day", "\"2025-01-01\"", "\"2025-01-01T00:00:00.000000Z\"",
		    "\"2025-01-01T00:00:00.000000Z\""));
	CHECK(taken("cf_at", "\"2025-01-01 10:00:00\"", "\"2025-01-01T10:00:00.000000Z\"",
		    "\"2025-01-01T10:00:00.000000Z\""));
	CHECK(taken("cf_need", "[32,31]", "[{\"id\":31},{\"id\":32}]",
		    "[{\"id\":31},{\"id\":32}]"));
	CHECK(taken("cf_need", "[31,\"New\"]", "[{\"id\":31},{\"id\":90,\"name\":\"new\"}]",
		    "[{\"id\":31},{\"id\":90,\"name\":\"new\"}]"));
	CHECK(taken("tags", "[\"FAIR\"]", "[{\"id\":3,\"name\":\"Fair\"}]",
		    "[{\"id\":3,\"name\":\"Fair\"}]"));
	CHECK(taken("body", "\"<b>x</b>\"", "\"x\"", "\"x\"")); /* HTML is purified */
	CHECK(taken("city", "\"B\"", "\"A\"", "\"b\""));	/* changed, if not to that */
	CHECK(!*verify("contacts", "{\"city\":\"B\"}", "{\"city\": \"A\"}", "{}", "{}"));
	CHECK(!*verify("contacts", "{\"source_id\":\"Web\"}", "{\"source_id\":5}",
		       "{\"source_id\":5,\"source\":{\"id\":5,\"name\":\"web\"}}", "{}"));
	CHECK(!*verify("notes", "{\"body\":\"b\",\"via_resource\":\"deals\",\"via_resource_id\":1}",
		       "{}", "{\"via_resource\":null}", "{}"));
	CHECK(!*verify("activities", "{\"guests\":{\"users\":[2],\"contacts\":[4]}}",
		       "{\"guests\":[]}",
		       "{\"guests\":[{\"id\":4,\"resource_name\":\"contacts\"},{\"id\":2,"
		       "\"resource_name\":\"users\"}]}",
		       "{}"));
}

static void what_a_server_writes_small_is_taken(void)
{
	CHECK(taken("swatch_color", "\"#4ADE80\"", "\"#4ade80\"", "\"#4ade80\""));
	CHECK(!taken("swatch_color", "\"#4ADE81\"", "\"#4ade80\"", "\"#4ade80\""));
	CHECK(!*verify("deals", "{\"swatch_color\":\"#4ADE80\"}", NULL,
		       "{\"swatch_color\":\"#4ade80\"}", "{}"));
	CHECK(taken("email", "\"Ann@X.org\"", "\"ann@x.org\"", "\"ann@x.org\""));
	CHECK(!taken("email", "\"ann@y.org\"", "\"ann@x.org\"", "\"ann@x.org\""));
	CHECK(!taken("first_name", "\"Ann\"", "\"ann\"", "\"ann\""));
}

static void what_an_answer_does_not_show_is_not_missed(void)
{
	CHECK(!*verify("contacts", "{\"source_id\":\"Webinar\"}", NULL, "{\"source_id\":12}",
		       "{}"));
	CHECK(!*verify("contacts", "{\"source_id\":\"Webinar\"}", NULL,
		       "{\"source_id\":12,\"source\":null}", "{}"));
	CHECK(*verify("contacts", "{\"source_id\":\"Webinar\"}", NULL,
		      "{\"source_id\":12,\"source\":{\"id\":12,\"name\":\"Fair\"}}", "{}"));
	CHECK(*verify("contacts", "{\"source_id\":\"Webinar\"}", NULL, "{\"source_id\":null}",
		      "{}"));
	CHECK(!*verify("companies", "{\"parent_company_id\":3}", NULL, "{\"parent\":null}", "{}"));
	CHECK(*verify("companies", "{\"parent_company_id\":3}", NULL,
		      "{\"parent_company_id\":null,\"parent\":null}", "{}"));
}

static void a_day_is_its_midnight(void)
{
	CHECK(taken("due_date", "\"2025-03-31\"", "\"2025-03-31T00:00:00.000000Z\"",
		    "\"2025-03-31T00:00:00.000000Z\""));
	CHECK(taken("due_date", "\"2025-03-31 00:00:00\"", "\"2025-03-31\"", "\"2025-03-31\""));
	CHECK(!taken("due_date", "\"2025-03-31 09:30:00\"", "\"2025-03-31\"", "\"2025-03-31\""));
}

static void a_prefix_is_the_servers_to_add(void)
{
	static const char *const sent[] = {"070-1", "+46 70 1", "+46702", "+1701", "+4670", "701"};
	static const char *const kept[] = {"+46701", "+46701", "+46701", "+46701", "+46", "+46701"};
	static const bool is_taken[] = {true, true, false, false, false, true};
	char a[60], b[60];

	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		snprintf(a, sizeof(a), "[{\"number\":\"%s\"}]", sent[i]);
		snprintf(b, sizeof(b), "[{\"number\":\"%s\"}]", kept[i]);
		CHECK_EQ(taken("phones", a, b, b), is_taken[i]);
	}
}

static void every_record_that_was_sent_is_attached(void)
{
	CHECK(!*verify("contacts", "{\"deals\":[9,5,7]}", "{}",
		       "{\"deals\":[{\"id\":7},{\"id\":9},{\"id\":5}]}", "{}"));
	CHECK_STR(
		verify("deals", "{\"contacts\":[41,42,\"Mara\",\"m@x.org\",\"Eva\"]}", "{}",
		       "{\"contacts\":[{\"id\":41,\"display_name\":\"Mara\"},{\"id\":43,\"email\":"
		       "\"m@x.org\"}]}",
		       "{\"contacts\": [41, {\"id\": 42}, \"Mara\", \"m@x.org\", \"Eva\"]}"),
		"f:1:19: contacts[1]: the server left out 42: there is none, or you may not see "
		"it\nf:1:50: contacts[4]: the server left out \"Eva\": there is none, or you may "
		"not see it\n");
	CHECK_STR(verify("notes", "{\"associations\":{\"deals\":[7]}}", NULL, "{\"deals\":[]}",
			 "{\"associations\": {\"deals\": [7]}}"),
		  "f:1:29: associations.deals[0]: the server left out 7: there is none, or you may "
		  "not see it\n");
	CHECK(!*verify("deals", "{\"contacts\":[]}", "{}", "{\"contacts\":[]}", "{}"));
	CHECK(!*verify("notes", "{\"contacts\":[5]}", "{}", "{\"id\":1}", "{}"));
}

static bool done(const char *kind, const char *sent, const char *record)
{
	return edit_is_done(kind_find(kind), span(sent), span(record));
}

static void a_lost_answer_is_found_in_the_record(void)
{
	static const char contact[] =
		"{\"id\": 1, \"first_name\": \"Mara\", \"city\": null, \"user_id\": 2, \"cf_day\": "
		"\"2025-01-01T00:00:00.000000Z\", \"tags\": [{\"id\": 3, \"name\": \"Fair\"}], "
		"\"source\": {\"id\": 5, \"name\": \"Web\"}, \"source_id\": 5}";

	CHECK(done("contacts",
		   "{\"first_name\":\" Mara\",\"city\":\"\",\"tags\":[\"fair\"],"
		   "\"cf_day\":\"2025-01-01\",\"companies\":[9]}",
		   contact));
	CHECK(done("contacts", "{\"source_id\":\"web\"}", contact));
	CHECK(!done("contacts", "{\"first_name\":\"Mara\",\"user_id\":3}", contact));
	CHECK(!done("contacts", "{\"cf_day\":\"2025-01-02\"}", contact));
	CHECK(done("contacts", "{\"phones\":[{\"number\":\"0701\"}]}",
		   "{\"phones\": [{\"number\": \"+46701\", \"type\": \"mobile\"}]}"));
	CHECK(!done("contacts", "{\"phones\":[{\"number\":\"0701\"}]}", "{\"phones\": []}"));
	CHECK(!done("contacts", "{\"phones\":[{\"number\":\"0701\",\"type\":\"work\"}]}",
		    "{\"phones\": [{\"number\": \"0701\", \"type\": \"mobile\"}]}"));
	CHECK(!done("contacts", "{\"companies\":[9]}", contact)); /* nothing of it is shown */
	CHECK(!done("contacts", "{\"first_name\":\"Mara\"}", "not JSON"));
	/* Which option a new label became cannot be seen. */
	CHECK(done("contacts", "{\"city\":\"A\",\"cf_region\":\"New\"}",
		   "{\"city\": \"A\", \"cf_region\": 901}"));
	CHECK(!done("contacts", "{\"cf_region\":\"New\"}", "{\"cf_region\": 901}"));
	CHECK(done("notes",
		   "{\"body\":\"<p onclick=\\\"x()\\\">Met, at fair</p>\","
		   "\"via_resource\":\"deals\",\"via_resource_id\":1}",
		   "{\"body\": \"<p>Met, at&#32;fair</p>\"}") == false);
	CHECK(done("notes", "{\"body\":\"<p onclick=\\\"x()\\\">Met, at fair</p>\"}",
		   "{\"body\": \"<p>Met, at fair</p>\\n\"}"));
	CHECK(!done("notes", "{\"body\":\"<p>a</p>\"}", "{\"body\": \"<p>b</p>\"}"));
	CHECK(!done("notes", "{\"body\":\"<p></p>\"}", "{\"body\": \"<br>\"}"));
}

int main(void)
{
	what_was_left_is_told();
	what_the_server_made_of_it_is_taken();
	what_a_server_writes_small_is_taken();
	a_day_is_its_midnight();
	what_an_answer_does_not_show_is_not_missed();
	a_prefix_is_the_servers_to_add();
	every_record_that_was_sent_is_attached();
	a_lost_answer_is_found_in_the_record();
	report_fini(&report);
	edit_fini(&last);
	return check_done("verify");
}
