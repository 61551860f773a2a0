/* SPDX-License-Identifier: MIT */
/* edit: what a saved text sends, what it is refused for, and what it collides with. */
#include "edit_fixture.h"

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
	SENDS(update("activities", "{\"\\u0064ue_date\": null, \"end_date\": null}", "{}"),
	      "{\"\\u0064ue_date\":null,\"end_date\":null}");
}

static void values_are_sent_in_written_form(void)
{
	SENDS(update("contacts", "{\"tags\": [{\"id\": 3, \"name\": \"Fair\"}, \"New\"]}", contact),
	      "{\"tags\":[\"Fair\",\"New\"]}");
	SENDS(update("contacts", "{\"tags\": []}", contact), "{\"tags\":[]}");
	SENDS(update("contacts", "{\"tags\": null}", contact), "{\"tags\":[]}");
	SENDS(update("contacts", "{\"tags\": \"a, b\"}", contact), "{\"tags\":[\"a\",\"b\"]}");
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
	SENDS(update("deals", "{\"expected_close_date\": \"2025-03-31\"}", "{}"),
	      "{\"expected_close_date\":\"2025-03-31\"}");
	SENDS(update("activities",
		     "{\"guests\": [{\"id\": 4, \"resource_name\": \"contacts\"}, "
		     "{\"id\": 5, \"resource_name\": \"users\"}]}",
		     "{}"),
	      "{\"guests\":{\"users\":[5],\"contacts\":[4]}}");
	SENDS(update("activities", "{\"guests\": {\"users\": [1]}}", "{\"guests\": []}"),
	      "{\"guests\":{\"users\":[1],\"contacts\":[]}}");
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
	REFUSES(update("contacts", "{\n\"tags\": [{\"x\": 3}, null]}", contact),
		"f:2:10: tags[0]: takes the name of a tag\n"
		"f:2:20: tags[1]: takes the name of a tag\n");
	REFUSES(update("contacts", "{\"phones\": [{\"type\": \"work\"}]}", contact),
		"f:1:13: phones[0]: a phone has no number\n");
	REFUSES(update("contacts",
		       "{\"phones\": [\"+1|work\", {\"number\": \" \", \"type\": \"fax\"}, 7, "
		       "\"|work\"]}",
		       contact),
		"f:1:35: phones[1].number: takes a phone's number in quotes\n"
		"f:1:48: phones[1].type: takes \"mobile\", \"work\" or \"other\"\n"
		"f:1:56: phones[2]: takes a phone, as {\"number\": \"+4670000001\", \"type\": "
		"\"work\"}\n"
		"f:1:59: phones[3]: a phone has no number\n");
	REFUSES(update("contacts", "{\"phones\": {}}", contact),
		"f:1:12: phones: takes a list of phones\n");
	REFUSES(update("contacts", "{\"cf_opts\": [{\"x\": 1}]}", contact),
		"f:1:14: cf_opts[0]: a choice has neither id nor name\n");
	REFUSES(update("activities", "{\"guests\": [{\"id\": 1}]}", "{}"),
		"f:1:13: guests[0]: takes a guest with id and resource_name (\"users\" or "
		"\"contacts\")\n");
	REFUSES(update("activities", "{\"guests\": {\"user\": [1], \"users\": [{}]}}", "{}"),
		"f:1:13: guests: takes \"users\" and \"contacts\"\n");
	REFUSES(update("activities", "{\"guests\": {\"users\": [{}, \"Ola\"]}}", "{}"),
		"f:1:23: guests.users[0]: takes the id of a record\n"
		"f:1:27: guests.users[1]: takes the id of a record\n");
}

static void what_is_not_a_record_is_refused(void)
{
	REFUSES(update("contacts", "{\n \"a\": 1\n \"b\": 2}", contact),
		"f:3:2: not JSON: a comma is missing\n");
	REFUSES(update("contacts", " [1]", contact), "f:1:2: not a JSON object\n");
	REFUSES(update("contacts", "", contact), "f:1:1: not JSON: the text ends too soon\n");
	REFUSES(update("contacts", "{\n\"city\": 1,\n\"city\": \"B\"}", contact),
		"f:2:1: city: stands there twice\n");
}

static void the_servers_own_members_are_protected(void)
{
	REFUSES(update("contacts", "{\n\n\"id\": 42}", contact), "f:3:1: id: cannot be changed\n");
	REFUSES(update("contacts", "{\"oddity\": 2}", contact),
		"f:1:2: oddity: cannot be changed\n");
	REFUSES(update("contacts", "{\n\"frist_name\": \"A\"}", contact),
		"f:2:1: frist_name: not a member of contacts\n");
	REFUSES(update("contacts", "{\"path\": \"A\"}", contact),
		"f:1:2: path: cannot be written\n");
	REFUSES(update("contacts", "{\"f\\u001b\\u00e5\": 1}", contact),
		"f:1:2: f?\xc3\xa5: not a member of contacts\n");
	REFUSES(update("notes", "{\"user_id\": 3}", "{\"user_id\": 2}"),
		"f:1:2: user_id: cannot be changed\n");
	REFUSES(update("contacts", "{\"close_date\": 1}", contact),
		"f:1:2: close_date: not a member of contacts\n");
}

static void every_problem_of_a_text_is_told(void)
{
	REFUSES(update("contacts",
		       "{\n  \"id\": 42,\n  \"city\": 5,\n  \"oddity\": 2,\n  \"frist_name\": "
		       "\"A\",\n"
		       "  \"email\": \"fine\",\n  \"phones\": [{\"number\": \"+46\", \"type\": "
		       "\"fax\"}]\n}",
		       contact),
		"f:2:3: id: cannot be changed\n"
		"f:3:11: city: takes text in quotes, or null\n"
		"f:4:3: oddity: cannot be changed\n"
		"f:5:3: frist_name: not a member of contacts\n"
		"f:7:40: phones[0].type: takes \"mobile\", \"work\" or \"other\"\n");
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
		"f:2:1: display_name is made by the server from the other members\n");
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
	SENDS(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 2}}", contact),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user\": null}", contact), "{\"user_id\":null}");
	SENDS(update("contacts", "{\"user\": 3}", contact), "{\"user_id\":3}");
	SENDS(update("documents", "{\"type\": {\"id\": 3}}", "{}"), "{\"document_type_id\":3}");
	SENDS(update("companies", "{\"parent\": {\"id\": 3}}", "{}"), "{\"parent_company_id\":3}");
}

static void names_need_somebody_who_knows_them(void)
{
	known.create_labels = false;
	REFUSES(update("contacts", "{\"user\": {\"id\": 2, \"name\": \"Eva\"}}", contact),
		"f:1:28: user: takes an id: names are not known here\n");
	REFUSES(update("contacts", "{\"source\": \"Web\"}", contact),
		"f:1:12: source: takes an id: names are not known here\n");
	REFUSES(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 4}}", contact),
		"f:1:24: user: says something else than user_id: change only one\n");
	REFUSES(update("notes", "{\"user\": {\"id\": 4}}", "{\"user\": {\"id\": 2}}"),
		"f:1:2: user: cannot be changed\n");
	known.create_labels = true;
	SENDS(update("contacts", "{\"source\": \"Web\"}", contact), "{\"source_id\":\"Web\"}");
}

static void companions_travel_along(void)
{
	static const char activity[] =
		"{\"due_date\": \"2025-03-10\", \"end_date\": \"2025-03-11T09:00:00.000000Z\"}";
	static const char deal[] = "{\"pipeline_id\": 1, \"stage_id\": 11, \"amount\": 5}";

	SENDS(update("activities", "{\"due_date\": \"2025-03-09\"}", activity),
	      "{\"due_date\":\"2025-03-09\",\"end_date\":\"2025-03-11 09:00:00\"}");
	SENDS(update("activities", "{\"end_date\": \"2025-03-12\", \"due_date\": \"2025-03-10\"}",
		     activity),
	      "{\"end_date\":\"2025-03-12\",\"due_date\":\"2025-03-10\"}");
	SENDS(update("activities", "{\"end_date\": \"2025-03-11 09:00:00\"}", activity), NULL);
	REFUSES(update("deals", "{\"pipeline_id\": 2, \"stage_id\": 11}", deal),
		"f:1:17: pipeline_id: needs a stage of that pipeline beside it\n");
	SENDS(update("deals", "{\"pipeline\": {\"id\": 2}, \"stage_id\": 21}", deal),
	      "{\"pipeline_id\":2,\"stage_id\":21}");
	SENDS(update("deals", "{\"stage_id\": 12}", deal), "{\"stage_id\":12}");
	SENDS(update("deals", "{\"stage_id\": 21, \"pipeline_id\": 1}", deal), "{\"stage_id\":21}");
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
		"f:1:2: via_resource: not a member of contacts\n");
	REFUSES(update("notes", "{\"body\": \"b\", \"via_resource\": \"deals\"}", note),
		"f:1:15: via_resource: needs via_resource_id beside it\n");
}

static void where_a_note_belongs_can_be_known(void)
{
	static const char note[] = "{\"id\": 15, \"body\": \"<p>a</p>\"}";

	FAILS(update("notes", "{\"body\": \"b\"}", note), -ENODATA, "");
	CHECK(last.needs.via && !last.needs.fields && !last.needs.lookup);
	known.via_resource = "";
	REFUSES(update("notes", "{\"body\": \"b\", \"via_resource\": null}", note),
		"f: the server wants to know a record that this is attached to: add via_resource "
		"(\"contacts\", \"companies\" or \"deals\") and via_resource_id\n");
	known.via_resource = "deals";
	known.via_id = 7;
	SENDS(update("notes", "{\"body\": \"b\"}", note),
	      "{\"body\":\"b\",\"via_resource\":\"deals\",\"via_resource_id\":7}");
	SENDS(update("notes", "{}", note), NULL);
	SENDS(update("calls", "{\"body\": \"b\"}", note), "{\"body\":\"b\"}");
	SENDS(create("notes", "{\"body\": \"b\"}"), "{\"body\":\"b\"}");
	known.via_resource = NULL;
}

static void associations_are_passed_on(void)
{
	SENDS(update("contacts",
		     "{\"companies\": [9, {\"id\": 10, \"name\": \"X\"}, \"11\", "
		     "\"Nordlys\"]}",
		     contact),
	      "{\"companies\":[9,10,11,\"Nordlys\"]}");
	SENDS(update("contacts", "{\"deals\": null}", contact), "{\"deals\":[]}");
	SENDS(create("deals", "{\"name\": \"A\", \"contacts\": [1]}"),
	      "{\"name\":\"A\",\"contacts\":[1]}");
	SENDS(create("notes", "{\"body\": \"A\", \"associations\": {\"contacts\": [{\"id\": 1}], "
			      "\"deals\": null}}"),
	      "{\"body\":\"A\",\"associations\":{\"contacts\":[1],\"deals\":[]}}");
	SENDS(create("notes", "{\"body\": \"A\", \"associations\": {}}"),
	      "{\"body\":\"A\",\"associations\":{}}");
	REFUSES(update("contacts", "{\"contacts\": [1]}", contact),
		"f:1:2: contacts: cannot be written\n");
	REFUSES(update("contacts", "{\"deals\": [1.5, \"Pump\", {}], \"companies\": 9}", contact),
		"f:1:12: deals[0]: takes the id of a record\n"
		"f:1:17: deals[1]: takes the id of a record\n"
		"f:1:25: deals[2]: takes the id of a record\n"
		"f:1:43: companies: takes a list of ids\n");
	REFUSES(create("notes", "{\"associations\": {\"deals\": [\"x\"], \"contacts\": 1}}"),
		"f:1:29: associations.deals[0]: takes the id of a record\n"
		"f:1:47: associations.contacts: takes a list of ids\n");
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

	FAILS(update3("contacts", "{\"city\": \"B\", \"email\": \"g\"}", BASE, BASE, theirs),
	      -EBUSY,
	      "f:1:10: city: yours is \"B\", theirs is \"C\", it was \"A\"\n"
	      "f:1:24: email: yours is \"g\", theirs is \"f\", it was \"e\"\n");
	FAILS(update3("contacts", "{\"city\": \"B\"}", BASE, BASE, "{\"id\": 1}"), -EBUSY,
	      "f:1:10: city: yours is \"B\", theirs is nothing, it was \"A\"\n");
	FAILS(update3("contacts", "{\"state\": \"B\"}", BASE, BASE,
		      "{\"id\": 1, \"state\": \"S\"}"),
	      -EBUSY, "f:1:11: state: yours is \"B\", theirs is \"S\", it was nothing\n");
	/* Saving again, with what they wrote as `then`, overrides knowingly. */
	SENDS(update3("contacts", "{\"city\": \"B\"}", BASE, theirs, theirs), "{\"city\":\"B\"}");
	FAILS(update3("contacts", "{\"user\": {\"id\": 3}}",
		      "{\"user_id\": 1, \"user\": {\"id\": 1}}",
		      "{\"user_id\": 1, \"user\": {\"id\": 1}}",
		      "{\"user_id\": 2, \"user\": {\"id\": 2}}"),
	      -EBUSY,
	      "f:1:10: user: yours is {\"id\":3}, theirs is {\"id\":2}, it was {\"id\":1}\n");
}

/* Half of a pair of theirs and half of mine would be a third thing. */
static void halves_of_a_pair_are_not_mixed(void)
{
	static const char mine[] = "{\"due_date\": \"2025-01-02\", \"end_date\": \"2025-01-01\"}";
	static const char base[] = "{\"due_date\": \"2025-01-01\", \"end_date\": \"2025-01-01\"}";
	static const char now[] = "{\"due_date\": \"2025-01-01\", \"end_date\": \"2025-01-03\"}";

	FAILS(update3("activities", mine, base, base, now), -EBUSY,
	      "f:1:40: end_date: yours is \"2025-01-01\", theirs is \"2025-01-03\", it was "
	      "\"2025-01-01\"\n");
	known.conflict = CONFLICT_MINE;
	SENDS(update3("activities", mine, base, base, now),
	      "{\"due_date\":\"2025-01-02\",\"end_date\":\"2025-01-01\"}");
	known.conflict = CONFLICT_THEIRS;
	CHECK_EQ(update3("activities", mine, base, base, now), 0);
	CHECK_STR(last.body, "{\"due_date\":\"2025-01-02\",\"end_date\":\"2025-01-03\"}");
	CHECK_STR(why(), "f:1:40: end_date: theirs is kept: yours is \"2025-01-01\", theirs is "
			 "\"2025-01-03\", it was \"2025-01-01\"\n");
	known.conflict = CONFLICT_ASK;
}

static void a_conflict_can_be_decided_beforehand(void)
{
	static const char theirs[] = "{\"id\": 1, \"city\": \"C\", \"email\": \"e\"}";
	static const char mine[] = "{\"city\": \"B\", \"email\": \"g\"}";

	known.conflict = CONFLICT_MINE;
	SENDS(update3("contacts", mine, BASE, BASE, theirs), "{\"city\":\"B\",\"email\":\"g\"}");
	known.conflict = CONFLICT_THEIRS;
	CHECK_EQ(update3("contacts", mine, BASE, BASE, theirs), 0);
	CHECK_STR(last.body, "{\"email\":\"g\"}");
	CHECK_STR(why(), "f:1:10: city: theirs is kept: yours is \"B\", theirs is \"C\", it was "
			 "\"A\"\n");
	CHECK_EQ(update3("contacts", "{\"city\": \"B\"}", BASE, BASE, theirs), 0);
	CHECK(!last.body);
	REFUSES(update3("contacts", "{\"email\": 7}", BASE, BASE, theirs),
		"f:1:11: email: takes text in quotes, or null\n");
	known.conflict = CONFLICT_ASK;
}

static void long_values_of_a_conflict_are_cut(void)
{
	char mine[600], line[400];

	snprintf(mine, sizeof(mine), "{\"city\": \"%0300d\"}", 7);
	CHECK_EQ(update3("contacts", mine, BASE, BASE, "{\"city\": \"C\"}"), -EBUSY);
	report_line(&last.report, line, sizeof(line));
	CHECK(strstr(line, "000..., theirs is \"C\", it was \"A\"") && strlen(line) < 200);
}

static void a_lookups_name_is_sent_as_it_is_now(void)
{
	SENDS(update3("call-outcomes", "{\"name\": \"A\", \"swatch_color\": \"#222222\"}",
		      "{\"name\": \"A\", \"swatch_color\": \"#111111\"}",
		      "{\"name\": \"A\", \"swatch_color\": \"#111111\"}",
		      "{\"name\": \"B\", \"swatch_color\": \"#111111\"}"),
	      "{\"swatch_color\":\"#222222\",\"name\":\"B\"}");
}

static void a_copy_becomes_a_new_record(void)
{
	SENDS(create("contacts", "{\"first_name\": \"A\"}"), "{\"first_name\":\"A\"}");
	REFUSES(create("contacts", contact), "f:13:3: oddity: not a member of contacts\n");
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
	SENDS(create("contacts",
		     "{\"first_name\": \"A\", \"email\": null, \"city\": \" \", \"tags\": "
		     "null, \"user_id\": \"\", \"source\": null, \"cf_any\": null}"),
	      "{\"first_name\":\"A\"}");
	REFUSES(create("contacts", "{\"first_name\": \"\", \"city\": \"Oslo\"}"),
		"f:1:2: first_name: is required\n");
	REFUSES(create("deals", "{\"name\": null, \"stage_id\": \" \"}"),
		"f:1:2: name: is required\nf:1:16: stage_id: is required\n");
	REFUSES(create("contacts", "{\"first_name\": \"A\", \"frist_name\": null}"),
		"f:1:21: frist_name: not a member of contacts\n");
	REFUSES(create("contacts", "{}"), "f:1:1: nothing in it can be written to contacts\n");
	REFUSES(create("contacts", "{\"created_at\": 1}"),
		"f:1:1: nothing in it can be written to contacts\n");
	REFUSES(create("contacts", "{\"frist_name\": 1}"),
		"f:1:2: frist_name: not a member of contacts\n");
	REFUSES(create("contacts", "null"), "f:1:1: not a JSON object\n");
}

static void the_head_tells_what_a_text_is(void)
{
	struct edit_head h;

	edit_fini(&last);
	CHECK_EQ(edit_read_head(span(" \n"), &h, &last.report), 0);
	CHECK(!h.is_object && !h.has_id);
	CHECK_EQ(edit_read_head(span("[1]"), &h, &last.report), 0);
	CHECK(!h.is_object);
	CHECK_EQ(edit_read_head(span(contact), &h, &last.report), 0);
	CHECK(h.is_object && h.has_id && h.id_is_usable && h.id == 41 && h.updated_at.n == 22);
	CHECK_EQ(edit_read_head(span("{\"id\": \"x\", \"updated_at\": 7}"), &h, &last.report), 0);
	CHECK(h.has_id && !h.id_is_usable && h.updated_at.n == 0);
	CHECK_EQ(edit_read_head(span("{\"id\": null}"), &h, &last.report), 0);
	CHECK(h.is_object && !h.has_id);
	CHECK_EQ(edit_read_head(span("{\n\"id\"}"), &h, &last.report), -EINVAL);
	CHECK_STR(why(), "f:2:5: not JSON: a colon is missing\n");
}

#define HOME "{\"phones\": [{\"number\": \"+1\", \"type\": \"home\"}"
static void a_type_of_phone_that_the_server_has_is_one(void)
{
	SENDS(update("contacts", HOME ", {\"number\": \"+2\"}]}", HOME "]}"),
	      "{\"phones\":[{\"number\":\"+1\",\"type\":\"home\"},{\"number\":\"+2\"}]}");
	REFUSES(update("contacts", "{\"phones\": [{\"number\": \"+1\", \"type\": \"hom\"}]}",
		       HOME "]}"),
		"f:1:38: phones[0].type: takes \"mobile\", \"work\" or \"other\"\n");
}

int main(void)
{
	a_type_of_phone_that_the_server_has_is_one();
	struct fields *none = fields_none();

	known = (struct edit_known){.fields = none, .create_labels = true};
	only_changes_are_sent();
	names_keep_their_escapes();
	values_are_sent_in_written_form();
	the_same_in_written_form_is_not_sent();
	bad_written_forms_are_refused();
	what_is_not_a_record_is_refused();
	the_servers_own_members_are_protected();
	every_problem_of_a_text_is_told();
	times_the_server_keeps_are_ignored();
	a_computed_name_is_not_swallowed();
	an_embedded_object_means_its_id();
	names_need_somebody_who_knows_them();
	companions_travel_along();
	a_note_says_where_it_belongs();
	where_a_note_belongs_can_be_known();
	associations_are_passed_on();
	disjoint_changes_are_merged();
	the_same_member_is_a_conflict();
	halves_of_a_pair_are_not_mixed();
	a_conflict_can_be_decided_beforehand();
	long_values_of_a_conflict_are_cut();
	a_lookups_name_is_sent_as_it_is_now();
	a_copy_becomes_a_new_record();
	a_record_of_nothing_is_refused();
	the_head_tells_what_a_text_is();
	edit_fini(&last);
	fields_free(none);
	return check_done("edit");
}
