/* SPDX-License-Identifier: MIT */
/* edit: what a saved text sends, what it is refused for, and what it collides with. */
#include "crm/edit.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static struct edit last;

static int update3(const char *kind, const char *mine, const char *base, const char *then,
		   const char *now)
{
	struct edit_against against = {span(base), span(then), span(now)};

	edit_fini(&last);
	return edit_update(kind_find(kind), span(mine), &against, &last);
}

/* Nothing moved on the server. */
static int update(const char *kind, const char *mine, const char *base)
{
	return update3(kind, mine, base, base, base);
}

static int create(const char *kind, const char *mine)
{
	edit_fini(&last);
	return edit_create(kind_find(kind), span(mine), &last);
}

#define SENDS(call, expected)                                                                      \
	do {                                                                                       \
		CHECK_EQ(call, 0);                                                                 \
		CHECK_STR(last.body, expected);                                                    \
		CHECK(!last.body || last.body_len == strlen(last.body));                           \
		CHECK_STR(last.reason, "");                                                        \
	} while (0)
#define REFUSES(call, expected)                                                                    \
	do {                                                                                       \
		CHECK_EQ(call, -EINVAL);                                                           \
		CHECK_STR(last.reason, expected);                                                  \
		CHECK(!last.body);                                                                 \
	} while (0)

static const char contact[] =
	"{\n  \"id\": 41,\n  \"first_name\": \"Mara\",\n  \"city\": \"Ume\xc3\xa5\",\n"
	"  \"phones\": [{\"id\": 77, \"number\": \"+46\", \"type\": \"work\"}],\n"
	"  \"tags\": [{\"id\": 3, \"name\": \"Fair\"}],\n  \"user_id\": 2,\n"
	"  \"cf_score\": 1250.50,\n  \"cf_opts\": [{\"id\": 31, \"name\": \"Pumps\"}],\n"
	"  \"display_name\": \"Mara\",\n  \"user\": {\"id\": 2, \"name\": \"Ola\"},\n"
	"  \"owner_assigned_date\": null,\n  \"oddity\": 1,\n"
	"  \"created_at\": \"2025-01-01T00:00:00Z\",\n  \"updated_at\": "
	"\"2025-01-02T00:00:00Z\"\n}\n";

static void only_changes_are_sent(void)
{
	SENDS(update("contacts", contact, contact), NULL);
	SENDS(update("contacts", "{}", contact), NULL);
	SENDS(update("contacts", "{\"first_name\":\"Maria\"}", contact),
	      "{\"first_name\":\"Maria\"}");
	SENDS(update("contacts", "{\"cf_score\": 1250.5, \"city\": \"Ume\\u00e5\", \"id\": 41}",
		     contact),
	      NULL);
	SENDS(update("contacts", "{\"city\" : null , \"first_name\" : \"A\\tB\"}", contact),
	      "{\"city\":null,\"first_name\":\"A\\tB\"}");
	SENDS(update("contacts", "{\"cf_score\": 12345678901234567890.10}", contact),
	      "{\"cf_score\":12345678901234567890.10}");
	SENDS(update("contacts", "{\"state\": \"X\"}", contact), "{\"state\":\"X\"}");
}

static void names_keep_their_escapes(void)
{
	SENDS(update("contacts", "{\"cf_\\\"x\\u0001\": 1}", contact), "{\"cf_\\\"x\\u0001\":1}");
	SENDS(update("contacts", "{\"cit\\u0079\": \"B\"}", contact), "{\"cit\\u0079\":\"B\"}");
	SENDS(update("activities", "{\"\\u0064ue_date\": 1, \"end_date\": 1}", "{}"),
	      "{\"\\u0064ue_date\":1,\"end_date\":1}");
}

static void values_are_sent_in_written_form(void)
{
	SENDS(update("contacts", "{\"tags\": [{\"id\": 3, \"name\": \"Fair\"}, \"New\"]}", contact),
	      "{\"tags\":[\"Fair\",\"New\"]}");
	SENDS(update("contacts", "{\"tags\": []}", contact), "{\"tags\":[]}");
	SENDS(update("contacts", "{\"tags\": null}", contact), "{\"tags\":[]}");
	SENDS(update("contacts", "{\"tags\": \"a, b\"}", contact), "{\"tags\":\"a, b\"}");
	SENDS(update("contacts",
		     "{\"phones\": [{\"id\": 77, \"number\": \"+46\", \"type\": \"work\"},"
		     " {\"number\": \"+47\"}]}",
		     contact),
	      "{\"phones\":[{\"number\":\"+46\",\"type\":\"work\"},{\"number\":\"+47\"}]}");
	SENDS(update("contacts",
		     "{\"cf_opts\": [{\"id\": 31, \"name\": \"Pumps\"}, {\"id\": 32}, 33, "
		     "\"Label\"]}",
		     contact),
	      "{\"cf_opts\":[31,32,33,\"Label\"]}");
	SENDS(update("contacts", "{\"cf_opts\": null}", contact), "{\"cf_opts\":[]}");
	SENDS(update("deals", "{\"expected_close_date\": \"2025-03-31T00:00:00.000000Z\"}", "{}"),
	      "{\"expected_close_date\":\"2025-03-31\"}");
	SENDS(update("deals", "{\"expected_close_date\": \"2025-03-31T10:00:00Z\"}", "{}"),
	      "{\"expected_close_date\":\"2025-03-31T10:00:00Z\"}");
	SENDS(update("deals", "{\"expected_close_date\": \"2025-03-31\"}", "{}"),
	      "{\"expected_close_date\":\"2025-03-31\"}");
	SENDS(update("activities",
		     "{\"guests\": [{\"id\": 4, \"resource_name\": \"contacts\"}, "
		     "{\"id\": 5, \"resource_name\": \"users\"}]}",
		     "{}"),
	      "{\"guests\":{\"users\":[5],\"contacts\":[4]}}");
	SENDS(update("activities", "{\"guests\": {\"users\": [1]}}", "{\"guests\": []}"),
	      "{\"guests\":{\"users\":[1]}}");
}

/* Another spelling of what the server has already is no change. */
static void the_same_in_written_form_is_not_sent(void)
{
	SENDS(update("contacts", "{\"tags\": [\"Fair\"], \"cf_opts\": [31]}", contact), NULL);
	SENDS(update("contacts", "{\"phones\": [{\"number\": \"+46\", \"type\": \"work\"}]}",
		     contact),
	      NULL);
	SENDS(update("deals", "{\"expected_close_date\": \"2025-03-31\"}",
		     "{\"expected_close_date\": \"2025-03-31T00:00:00.000000Z\"}"),
	      NULL);
}

static void bad_written_forms_are_refused(void)
{
	REFUSES(update("contacts", "{\n\"tags\": [{\"id\": 3}]}", contact),
		"tags holds a tag without a name");
	CHECK_EQ(last.line, 2);
	REFUSES(update("contacts", "{\"tags\": [3]}", contact), "tags takes the names of tags");
	REFUSES(update("contacts", "{\"phones\": [{\"type\": \"work\"}]}", contact),
		"phones holds a phone without a number");
	REFUSES(update("contacts", "{\"cf_opts\": [{\"x\": 1}]}", contact),
		"cf_opts holds a choice without id and name");
	REFUSES(update("activities", "{\"guests\": [{\"id\": 1}]}", "{}"),
		"guests holds a guest without id and resource_name (users or contacts)");
}

static void what_is_not_a_record_is_refused(void)
{
	REFUSES(update("contacts", "{\n \"a\": 1\n \"b\": 2}", contact),
		"not JSON: a comma is missing (line 3, column 2)");
	CHECK_EQ(last.line, 3);
	REFUSES(update("contacts", "[1]", contact), "not a JSON object");
	REFUSES(update("contacts", "", contact),
		"not JSON: the text ends too soon (line 1, column 1)");
	REFUSES(update("contacts", "{\n\"city\": 1,\n\"city\": 2}", contact),
		"city stands there twice");
	CHECK_EQ(last.line, 2);
}

static void the_servers_own_members_are_protected(void)
{
	REFUSES(update("contacts", "{\n\n\"id\": 42}", contact), "id cannot be changed");
	CHECK_EQ(last.line, 3);
	REFUSES(update("contacts", "{\"oddity\": 2}", contact), "oddity cannot be changed");
	REFUSES(update("contacts", "{\n\"frist_name\": \"A\"}", contact),
		"frist_name is not a member of contacts");
	CHECK_EQ(last.line, 2);
	REFUSES(update("contacts", "{\"path\": \"A\"}", contact), "path cannot be written");
	REFUSES(update("contacts", "{\"f\\u001b\\u00e5\": 1}", contact),
		"f??? is not a member of contacts");
	REFUSES(update("notes", "{\"user_id\": 3}", "{\"user_id\": 2}"),
		"user_id cannot be changed");
	REFUSES(update("contacts", "{\"close_date\": 1}", contact),
		"close_date is not a member of contacts");
}

static void times_the_server_keeps_are_ignored(void)
{
	SENDS(update("contacts",
		     "{\"updated_at\": \"x\", \"created_at\": null, "
		     "\"owner_assigned_date\": 1}",
		     contact),
	      NULL);
	SENDS(update("contacts", "{\"updated_at\": \"x\", \"city\": \"Y\"}", contact),
	      "{\"city\":\"Y\"}");
}

static void a_computed_name_is_not_swallowed(void)
{
	SENDS(update("contacts", "{\"first_name\": \"B\", \"display_name\": \"B\"}", contact),
	      "{\"first_name\":\"B\"}");
	REFUSES(update("contacts", "{\n\"display_name\": \"B\"}", contact),
		"display_name is made by the server from the other members");
	CHECK_EQ(last.line, 2);
	SENDS(update3("contacts", "{\"first_name\": \"B\", \"display_name\": \"B\"}", contact,
		      contact, "{\"id\": 41, \"first_name\": \"B\", \"display_name\": \"C\"}"),
	      NULL);
}

static void an_embedded_object_means_its_id(void)
{
	SENDS(update("contacts", "{\"user\": {\"id\": 3, \"name\": \"Ola\"}}", contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user_id\": 2, \"user\": {\"id\": 3}}", contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user\": {\"id\": 3}, \"user_id\": 2}", contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 3, \"name\": \"Eva\"}}",
		     contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 2, \"name\": \"x\"}}",
		     contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user\": null}", contact), "{\"user_id\":null}");
	SENDS(update("contacts", "{\"user\": 3}", contact), "{\"user_id\":3}");
	SENDS(update("documents", "{\"type\": {\"id\": 3}}", "{}"), "{\"document_type_id\":3}");
	SENDS(update("companies", "{\"parent\": {\"id\": 3}}", "{}"), "{\"parent_company_id\":3}");
}

static void an_embedded_name_cannot_be_changed_there(void)
{
	REFUSES(update("contacts", "{\"user\": {\"id\": 2, \"name\": \"Eva\"}}", contact),
		"user shows another record: change user_id instead");
	REFUSES(update("contacts", "{\"user\": {\"name\": \"Eva\"}}", contact),
		"user shows another record: change user_id instead");
	REFUSES(update("contacts", "{\"source\": \"Web\"}", contact),
		"source shows another record: change source_id instead");
	REFUSES(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 4}}", contact),
		"user and user_id disagree: change only user_id");
	REFUSES(update("notes", "{\"user\": {\"id\": 4}}", "{\"user\": {\"id\": 2}}"),
		"user cannot be changed");
}

static void companions_travel_along(void)
{
	static const char activity[] =
		"{\"due_date\": \"2025-03-10\", \"end_date\": \"2025-03-11\"}";
	static const char deal[] = "{\"pipeline_id\": 1, \"stage_id\": 11, \"amount\": 5}";

	SENDS(update("activities", "{\"due_date\": \"2025-03-09\"}", activity),
	      "{\"due_date\":\"2025-03-09\",\"end_date\":\"2025-03-11\"}");
	SENDS(update("activities", "{\"end_date\": \"2025-03-12\", \"due_date\": \"2025-03-10\"}",
		     activity),
	      "{\"end_date\":\"2025-03-12\",\"due_date\":\"2025-03-10\"}");
	SENDS(update("deals", "{\"pipeline_id\": 2, \"stage_id\": 11}", deal),
	      "{\"pipeline_id\":2,\"stage_id\":11}");
	SENDS(update("deals", "{\"pipeline\": {\"id\": 2}, \"stage_id\": 21}", deal),
	      "{\"pipeline_id\":2,\"stage_id\":21}");
	SENDS(update("deals", "{\"stage_id\": 12}", deal), "{\"stage_id\":12}");
	SENDS(update("sources", "{\"name\": \"B\"}", "{\"name\": \"A\"}"), "{\"name\":\"B\"}");
	SENDS(update("activity-types", "{\"icon\": \"B\"}",
		     "{\"name\": \"A\", \"icon\": \"I\", \"swatch_color\": \"#1\"}"),
	      "{\"icon\":\"B\",\"name\":\"A\",\"swatch_color\":\"#1\"}");
}

static void a_note_says_where_it_belongs(void)
{
	static const char note[] = "{\"id\": 15, \"body\": \"<p>a</p>\"}";

	SENDS(update("notes",
		     "{\"body\": \"b\", \"via_resource\": \"contacts\", \"via_resource_id\": 41}",
		     note),
	      "{\"body\":\"b\",\"via_resource\":\"contacts\",\"via_resource_id\":41}");
	SENDS(update("notes",
		     "{\"via_resource\": \"contacts\", \"via_resource_id\": 41, \"contacts\": [41, "
		     "{\"id\": 42}]}",
		     note),
	      "{\"contacts\":[41,42],\"body\":\"<p>a</p>\",\"via_resource\":\"contacts\","
	      "\"via_resource_id\":41}");
	SENDS(update("notes", "{\"body\": \"<p>a</p>\", \"via_resource\": \"contacts\"}", note),
	      NULL);
	SENDS(create("notes",
		     "{\"body\": \"b\", \"via_resource\": \"deals\", \"via_resource_id\": 1}"),
	      "{\"body\":\"b\",\"via_resource\":\"deals\",\"via_resource_id\":1}");
	SENDS(create("calls",
		     "{\"body\": \"b\", \"via_resource\": \"deals\", \"via_resource_id\": 1}"),
	      "{\"body\":\"b\",\"via_resource\":\"deals\",\"via_resource_id\":1}");
	REFUSES(update("contacts", "{\"via_resource\": \"deals\"}", contact),
		"via_resource is not a member of contacts");
}

static void associations_are_passed_on(void)
{
	SENDS(update("contacts", "{\"companies\": [9, 10]}", contact), "{\"companies\":[9,10]}");
	SENDS(update("contacts", "{\"deals\": null}", contact), "{\"deals\":[]}");
	SENDS(create("deals", "{\"name\": \"A\", \"contacts\": [1]}"),
	      "{\"name\":\"A\",\"contacts\":[1]}");
	REFUSES(update("contacts", "{\"contacts\": [1]}", contact), "contacts cannot be written");
}

#define BASE                                                                                       \
	"{\"id\": 1, \"city\": \"A\", \"email\": \"e\", \"tags\": [{\"id\": 1, \"name\": \"T\"}]}"

static void disjoint_changes_are_merged(void)
{
	SENDS(update3("contacts", "{\"city\": \"B\", \"email\": \"e\"}", BASE, BASE,
		      "{\"id\": 1, \"city\": \"A\", \"email\": \"f\"}"),
	      "{\"city\":\"B\"}");
	SENDS(update3("contacts", "{\"city\": \"B\"}", BASE, BASE, "{\"id\": 1, \"city\": \"B\"}"),
	      NULL);
	SENDS(update3("contacts", "{\"tags\": [\"U\"]}", BASE, BASE,
		      "{\"id\": 1, \"tags\": [{\"id\": 9, \"name\": \"U\"}]}"),
	      NULL);
	/* The base is what the person saved; the server had trimmed it. */
	SENDS(update3("contacts", "{\"city\": \" A \", \"email\": \"x\"}", "{\"city\": \" A \"}",
		      BASE, BASE),
	      "{\"email\":\"x\"}");
}

static void the_same_member_is_a_conflict(void)
{
	static const char theirs[] = "{\"id\": 1, \"city\": \"C\", \"email\": \"f\"}";

	CHECK_EQ(update3("contacts", "{\"city\": \"B\", \"email\": \"g\"}", BASE, BASE, theirs),
		 -EBUSY);
	CHECK_STR(last.reason, "changed on the server meanwhile: city, email");
	CHECK(!last.body);
	CHECK_EQ(update3("contacts", "{\"city\": \"B\"}", BASE, BASE, "{\"id\": 1}"), -EBUSY);
	CHECK_EQ(update3("contacts", "{\"state\": \"B\"}", BASE, BASE,
			 "{\"id\": 1, \"state\": \"S\"}"),
		 -EBUSY);
	/* Saving again, with what they wrote as `then`, overrides knowingly. */
	SENDS(update3("contacts", "{\"city\": \"B\"}", BASE, theirs, theirs), "{\"city\":\"B\"}");
	/* Half of a pair of theirs and half of mine would be a third thing. */
	CHECK_EQ(update3("activities", "{\"due_date\": 2, \"end_date\": 1}",
			 "{\"due_date\": 1, \"end_date\": 1}", "{\"due_date\": 1, \"end_date\": 1}",
			 "{\"due_date\": 1, \"end_date\": 3}"),
		 -EBUSY);
	CHECK_STR(last.reason, "changed on the server meanwhile: end_date");
}

static void a_lookups_name_is_sent_as_it_is_now(void)
{
	SENDS(update3("call-outcomes", "{\"name\": \"A\", \"swatch_color\": \"#2\"}",
		      "{\"name\": \"A\", \"swatch_color\": \"#1\"}",
		      "{\"name\": \"A\", \"swatch_color\": \"#1\"}",
		      "{\"name\": \"B\", \"swatch_color\": \"#1\"}"),
	      "{\"swatch_color\":\"#2\",\"name\":\"B\"}");
}

static void a_copy_becomes_a_new_record(void)
{
	SENDS(create("contacts", "{\"first_name\": \"A\"}"), "{\"first_name\":\"A\"}");
	CHECK_EQ(create("contacts", contact), -EINVAL);
	CHECK_STR(last.reason, "oddity is not a member of contacts");
	SENDS(create("contacts",
		     "{\"id\": null, \"first_name\": \"A\", \"tags\": [{\"id\": 1, \"name\": "
		     "\"T\"}], \"user_id\": 3, \"user\": {\"id\": 2}, \"source\": {\"id\": 5}, "
		     "\"country\": null, \"display_name\": \"A\", \"owner_assigned_date\": \"x\", "
		     "\"authorizations\": {}, \"deals_count\": 1, \"created_at\": 1, "
		     "\"updated_at\": 2}"),
	      "{\"first_name\":\"A\",\"tags\":[\"T\"],\"user_id\":3,\"source_id\":5}");
}

static void a_record_of_nothing_is_refused(void)
{
	REFUSES(create("contacts", "{}"), "nothing in it can be written to contacts");
	REFUSES(create("contacts", "{\"created_at\": 1}"),
		"nothing in it can be written to contacts");
	REFUSES(create("contacts", "{\"frist_name\": 1}"),
		"frist_name is not a member of contacts");
	REFUSES(create("contacts", "null"), "not a JSON object");
}

static void the_head_tells_what_a_text_is(void)
{
	struct edit_head h;

	edit_fini(&last);
	CHECK_EQ(edit_read_head(span(" \n"), &h, &last), 0);
	CHECK(!h.is_object && !h.has_id);
	CHECK_EQ(edit_read_head(span("[1]"), &h, &last), 0);
	CHECK(!h.is_object);
	CHECK_EQ(edit_read_head(span(contact), &h, &last), 0);
	CHECK(h.is_object && h.has_id && h.id_is_usable && h.id == 41 && h.updated_at.n == 22);
	CHECK_EQ(edit_read_head(span("{\"id\": \"x\", \"updated_at\": 7}"), &h, &last), 0);
	CHECK(h.has_id && !h.id_is_usable && h.updated_at.n == 0);
	CHECK_EQ(edit_read_head(span("{\"id\": null}"), &h, &last), 0);
	CHECK(h.is_object && !h.has_id);
	CHECK_EQ(edit_read_head(span("{\n\"id\"}"), &h, &last), -EINVAL);
	CHECK_EQ(last.line, 2);
	CHECK_STR(last.reason, "not JSON: a colon is missing (line 2, column 5)");
}

int main(void)
{
	only_changes_are_sent();
	names_keep_their_escapes();
	values_are_sent_in_written_form();
	the_same_in_written_form_is_not_sent();
	bad_written_forms_are_refused();
	what_is_not_a_record_is_refused();
	the_servers_own_members_are_protected();
	times_the_server_keeps_are_ignored();
	a_computed_name_is_not_swallowed();
	an_embedded_object_means_its_id();
	an_embedded_name_cannot_be_changed_there();
	companions_travel_along();
	a_note_says_where_it_belongs();
	associations_are_passed_on();
	disjoint_changes_are_merged();
	the_same_member_is_a_conflict();
	a_lookups_name_is_sent_as_it_is_now();
	a_copy_becomes_a_new_record();
	a_record_of_nothing_is_refused();
	the_head_tells_what_a_text_is();
	edit_fini(&last);
	return check_done("edit");
}
