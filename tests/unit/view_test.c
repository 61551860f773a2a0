/* SPDX-License-Identifier: MIT */
/* view: one record, one text, whichever request brought it; the samples are concord-api.md 9's. */
#include "crm/view.h"

#include <errno.h>

#include "check.h"

static struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static struct view_facts facts;

/* Lends the text until the next call but one, so that two can be compared. */
static const char *shown(const char *kind, const char *record)
{
	static struct buf rooms[2] = {{.max = 1 << 20}, {.max = 1 << 20}};
	static int turn;
	struct buf *b = &rooms[turn ^= 1];
	struct jfault fault;

	buf_clear(b);
	CHECK_EQ(jtext_check(span(record), &fault), 0);
	CHECK_EQ(view_render(kind_find(kind), span(record), b, &facts), 0);
	return b->data ? b->data : "";
}

#define AUTH "\"authorizations\":{\"view\":true,\"update\":true,\"delete\":true},"
#define USER                                                                                       \
	"{\"id\":2,\"name\":\"Ola Berg\",\"email\":\"ola@example.com\",\"timezone\":\"Europe\\/"   \
	"Stockholm\",\"avatar\":null,\"avatar_url\":\"https:\\/\\/g\\/77\",\"notifications\":[],"  \
	"\"display_name\":\"Ola Berg\"," AUTH "\"was_recently_created\":false}"
#define TIMES                                                                                      \
	"\"created_at\":\"2025-01-14T08:02:11.000000Z\",\"updated_at\":\"2025-03-02T16:45:09."     \
	"000000Z\","

static const char contact_head[] =
	"{\"id\":41,\"notes_count\":2,\"calls_count\":1,\"avatar\":null,\"avatar_url\":\"x\","
	"\"uploaded_avatar_url\":null,\"guest_email\":\"m@example.org\",\"guest_display_name\":"
	"\"Mara\","
	"\"media\":[],\"display_name\":\"Mara Lind\",\"path\":\"\\/contacts\\/41\"," TIMES
	"\"timeline_subject_key\":\"contact\"," AUTH "\"was_recently_created\":true,";

#define CONTACT_FIELDS                                                                             \
	"\"first_name\":\"Mara\",\"email\":\"m@example.org\",\"phones\":[{\"id\":77,\"number\":"   \
	"\"+4670000001\",\"type\":\"work\",\"extra\":1}],\"tags\":[{\"id\":3,\"name\":\"Trade "    \
	"fair\",\"swatch_color\":\"#4ade80\",\"display_order\":1,\"type\":\"contacts\"}],"         \
	"\"user_id\":2,\"user\":" USER ",\"source_id\":null,\"source\":null,"                      \
	"\"owner_assigned_date\":null,\"city\":\"Ume\\u00e5\",\"country\":{\"name\":\"Sweden\","   \
	"\"id\":211},\"next_activity_date\":null,\"cf_head_count\":12.50,\"cf_interests\":[{"      \
	"\"id\":31,\"name\":\"Pumps\",\"swatch_color\":null}],\"cf_none\":[]"

static const char contact_text[] = "{\n"
				   "  \"id\": 41,\n"
				   "  \"first_name\": \"Mara\",\n"
				   "  \"email\": \"m@example.org\",\n"
				   "  \"phones\": [\n"
				   "    {\n"
				   "      \"id\": 77,\n"
				   "      \"number\": \"+4670000001\",\n"
				   "      \"type\": \"work\"\n"
				   "    }\n"
				   "  ],\n"
				   "  \"tags\": [\n"
				   "    {\n"
				   "      \"id\": 3,\n"
				   "      \"name\": \"Trade fair\"\n"
				   "    }\n"
				   "  ],\n"
				   "  \"user_id\": 2,\n"
				   "  \"source_id\": null,\n"
				   "  \"city\": \"Ume\xc3\xa5\",\n"
				   "  \"cf_head_count\": 12.50,\n"
				   "  \"cf_interests\": [\n"
				   "    {\n"
				   "      \"id\": 31,\n"
				   "      \"name\": \"Pumps\"\n"
				   "    }\n"
				   "  ],\n"
				   "  \"cf_none\": [],\n"
				   "  \"display_name\": \"Mara Lind\",\n"
				   "  \"user\": {\n"
				   "    \"id\": 2,\n"
				   "    \"name\": \"Ola Berg\",\n"
				   "    \"email\": \"ola@example.com\"\n"
				   "  },\n"
				   "  \"source\": null,\n"
				   "  \"owner_assigned_date\": null,\n"
				   "  \"country\": {\n"
				   "    \"id\": 211,\n"
				   "    \"name\": \"Sweden\"\n"
				   "  },\n"
				   "  \"created_at\": \"2025-01-14T08:02:11.000000Z\",\n"
				   "  \"updated_at\": \"2025-03-02T16:45:09.000000Z\"\n"
				   "}\n";

static void a_contact_is_shown_in_order(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 16);

	buf_add_str(&b, contact_head);
	buf_add_str(&b, CONTACT_FIELDS ",\"companies\":[{\"id\":9}],\"deals\":[],\"actions\":[1],"
				       "\"associations_count\":8}");
	CHECK_STR(shown("contacts", b.data), contact_text);
	CHECK_EQ((long long)facts.id, 41);
	CHECK_EQ(facts.updated_at, 1740933909);
}

/* The same version as a list item: other counts, a lighter user, pseudo fields, no relations. */
static void a_list_item_gives_the_same_bytes(void)
{
	CHECK_STR(shown("contacts",
			"{\"id\":41,\"calls_count\":3,\"display_name\":\"Mara Lind\"," TIMES
			"\"authorizations\":{\"view\":true},\"was_recently_created\":false,"
			"\"contact\":null," CONTACT_FIELDS ",\"companies_count\":7}"),
		  contact_text);
	CHECK_STR(shown("contacts", contact_text), contact_text);
}

/* Per kind: what a single record has beside a list item, and what changes without a version. */
static const char single_only[] =
	",\"actions\":[{\"name\":\"x\"}],\"associations_count\":4,\"media\":[{}],"
	"\"contacts\":[{}],\"companies\":[],\"deals\":[],\"notes_count\":1," AUTH
	"\"was_recently_created\":true,\"timeline_key\":\"x\",\"timeline_relation\":\"y\","
	"\"path\":\"\\/x\",\"is_pinned\":true,\"pinned_date\":null,\"changelog\":[1]";
static const struct {
	const char *kind, *extra;
} own[] = {
	{"contacts", ",\"next_activity_date\":null,\"avatar_url\":\"u\""},
	{"companies", ",\"parents\":[{\"id\":1}],\"next_activity_date\":null"},
	{"deals", ",\"time_in_stages\":{\"11\":86422},\"board_order\":3,"
		  "\"falls_behind_expected_close_date\":true"},
	{"activities", ",\"is_due\":true,\"is_reminded\":true,\"comments_count\":1"},
	{"notes", ",\"comments_count\":3"},
	{"calls", ",\"comments_count\":3"},
	{"products", ""},
	{"documents", ",\"pdf\":{},\"google_fonts\":[],\"billable\":{}"},
	{"users", ",\"dashboards\":[1],\"notifications\":{\"unread_count\":4}"},
	{"pipelines", ",\"stages\":[{\"id\":11}],\"user_display_order\":null"},
};
static const char both[] = "\"name\":\"N\",\"user\":" USER ",\"stage\":{\"id\":12,\"name\":"
			   "\"Proposal\",\"win_probability\":60,\"pipeline_id\":1},"
			   "\"pipeline\":{\"id\":1,\"name\":\"Sales\"%s},\"zz\":{\"new\":[1]}";

static void single_and_list_item_agree(void)
{
	CLEANUP(buf_fini) struct buf item = BUF_INIT(1 << 16);
	CLEANUP(buf_fini) struct buf single = BUF_INIT(1 << 16);

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		buf_clear(&item);
		buf_clear(&single);
		buf_add_str(&item, "{\"id\":7,");
		buf_printf(&item, both, "");
		buf_add_str(&item, ",\"calls_count\":1}");
		buf_add_str(&single, "{\"id\":7,");
		buf_printf(&single, both, ",\"stages\":[{\"id\":11}],\"flag\":\"default\"");
		buf_printf(&single, "%s%s}", single_only, own[i].extra);
		const char *a = shown(own[i].kind, item.data);
		CHECK_STR(shown(own[i].kind, single.data), a);
		CHECK(strstr(a, "\"zz\": {\n    \"new\": [\n      1\n    ]\n  }"));
		CHECK(strstr(a, "\"win_probability\": 60\n"));
	}
}

static void embedded_objects_keep_their_identity(void)
{
	CHECK_STR(
		shown("activities",
		      "{\"id\":1,\"type\":{\"swatch_color\":\"#1\",\"name\":\"Call\",\"id\":4},"
		      "\"creator\":{\"email\":null},\"outcome\":{},\"tags\":[],\"brand\":[],"
		      "\"guests\":[{\"id\":41,\"guest_email\":\"m@x\",\"resource_name\":"
		      "\"contacts\"}]}"),
		"{\n  \"id\": 1,\n  \"guests\": [\n    {\n      \"id\": 41,\n      "
		"\"guest_email\": "
		"\"m@x\",\n      \"resource_name\": \"contacts\"\n    }\n  ],\n  \"type\": {\n    "
		"\"id\": 4,\n    \"name\": \"Call\"\n  },\n  \"creator\": {\n    \"email\": null\n "
		" "
		"},\n  \"outcome\": {},\n  \"tags\": [],\n  \"brand\": []\n}\n");
	CHECK_STR(shown("users",
			"{\"id\":1,\"teams\":[{\"id\":2,\"name\":\"A\",\"members\":[1]},3]}"),
		  "{\n  \"id\": 1,\n  \"teams\": [\n    {\n      \"id\": 2,\n      \"name\": "
		  "\"A\"\n   "
		  " },\n    3\n  ]\n}\n");
}

static void a_repeated_member_is_shown_once(void)
{
	CHECK_STR(shown("contacts",
			"{\"id\":1,\"email\":\"a\",\"city\":\"x\",\"\\u0065mail\":\"b\","
			"\"id\":2}"),
		  "{\n  \"id\": 2,\n  \"city\": \"x\",\n  \"email\": \"b\"\n}\n");
	CHECK_EQ((long long)facts.id, 2);
}

static void records_without_id_are_refused(void)
{
	static const char *const bad[] = {"{}",
					  "{\"id\":null}",
					  "{\"id\":0}",
					  "{\"id\":-1}",
					  "{\"id\":1.0}",
					  "{\"id\":\"1\"}",
					  "{\"id\":9223372036854775808}",
					  "{\"id\":1e3}",
					  "[]",
					  "[{\"id\":1}]",
					  "null",
					  "7",
					  "\"id\"",
					  "{\"data\":{\"id\":1}}",
					  "{\"id\":[1]}",
					  "{\"id\":{\"id\":1}}"};
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 16);

	buf_add_str(&b, "before");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(view_render(kind_find("notes"), span(bad[i]), &b, &facts), -EINVAL);
	CHECK_STR(b.data, "before");
}

static void a_full_buffer_is_left_as_it_was(void)
{
	static const char record[] = "{\"id\":1,\"body\":\"abc\",\"user\":{\"id\":1},\"x\":[1]}";
	size_t need = strlen("before") + strlen(shown("notes", record));

	for (size_t max = 6; max < need + 5; max++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(max);
		buf_add_str(&b, "before");
		int err = view_render(kind_find("notes"), span(record), &b, &facts);
		CHECK_EQ(err, max < need ? -EFBIG : 0);
		CHECK(err == 0 || strcmp(b.data, "before") == 0);
	}
}

static int64_t time_of(const char *s)
{
	int64_t t;

	return view_parse_time(span(s), &t) < 0 ? VIEW_NO_TIME : t;
}

static void times_are_read(void)
{
	CHECK_EQ(time_of("\"1970-01-01T00:00:00.000000Z\""), 0);
	CHECK_EQ(time_of("\"2025-03-01T09:30:00.000000Z\""), 1740821400);
	CHECK_EQ(time_of("\"2025-03-01T09:30:00Z\""), 1740821400);
	CHECK_EQ(time_of("\"2025-03-01T11:30:00+02:00\""), 1740821400);
	CHECK_EQ(time_of("\"2025-03-01T06:00:00.5-0330\""), 1740821400);
	CHECK_EQ(time_of("\"2025-03-01 09:30:00\""), 1740821400);
	CHECK_EQ(time_of("\"2024-02-29T23:59:59Z\""), 1709251199);
	CHECK_EQ(time_of("\"1969-12-31T23:59:59Z\""), -1);
	CHECK_EQ(time_of("\"2038-01-19T03:14:08Z\""), 2147483648);
	CHECK_EQ(time_of("\"0000-01-01T00:00:00Z\""), -62167219200);
	CHECK_EQ(time_of("\"9999-12-31T23:59:59Z\""), 253402300799);
}

static void bad_times_are_refused(void)
{
	static const char *const bad[] = {"\"\"",
					  "null",
					  "0",
					  "\"2025-03-01\"",
					  "\"2025-13-01T00:00:00Z\"",
					  "\"2025-00-01T00:00:00Z\"",
					  "\"2025-02-29T00:00:00Z\"",
					  "\"2025-04-31T00:00:00Z\"",
					  "\"2025-01-00T00:00:00Z\"",
					  "\"2025-01-01T24:00:00Z\"",
					  "\"2025-01-01T00:60:00Z\"",
					  "\"2025-01-01T00:00Z\"",
					  "\"2025-01-01T00:00:00.Z\"",
					  "\"2025-01-01T00:00:00Zx\"",
					  "\"2025-01-01T00:00:00+2\"",
					  "\"2025-01-01T00:00:00+02:0\"",
					  "\"25-01-01T00:00:00Z\"",
					  "\"2025-01-01x00:00:00Z\"",
					  "\"2025-01-01T00:00:00+02:000\""};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (!CHECK(time_of(bad[i]) == VIEW_NO_TIME))
			fprintf(stderr, "\ttime: %s\n", bad[i]);
	}
}

static void a_missing_time_falls_back(void)
{
	shown("notes", "{\"id\":1,\"created_at\":\"1970-01-01T00:00:09Z\",\"updated_at\":null}");
	CHECK_EQ(facts.updated_at, 9);
	shown("notes", "{\"id\":1}");
	CHECK(facts.updated_at == VIEW_NO_TIME);
}

static bool editable(const char *kind, const char *name)
{
	return view_is_editable(kind_find(kind), name, strlen(name));
}

static bool is_shown(const char *kind, const char *name)
{
	return view_is_shown(kind_find(kind), name, strlen(name));
}

static void members_know_their_place(void)
{
	CHECK(editable("contacts", "first_name") && editable("contacts", "cf_x"));
	CHECK(!editable("contacts", "id") && !editable("contacts", "user") &&
	      !editable("notes", "email"));
	CHECK(is_shown("contacts", "id") && is_shown("contacts", "user") &&
	      is_shown("contacts", "new"));
	CHECK(is_shown("contacts", "cf_head_count") && is_shown("pipeline-stages", "name"));
	CHECK(!is_shown("contacts", "deals_count") && !is_shown("notes", "timeline_key"));
	CHECK(!is_shown("deals", "time_in_stages") && is_shown("contacts", "time_in_stages"));
}

/* The rank that view_render gives and the two questions must never disagree. */
static void rendering_and_questions_agree(void)
{
	static const char *const names[] = {"first_name", "cf_a_count",	 "x_count", "timeline_x",
					    "media",	  "body",	 "stages",  "user_id",
					    "zz",	  "display_name"};

	for (size_t k = 0; k < kinds_count; k++) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			char record[100], line[60];
			snprintf(record, sizeof(record), "{\"zz\":1,\"%s\":2,\"id\":3}", names[i]);
			snprintf(line, sizeof(line), "\"%s\": 2", names[i]);
			bool seen = strstr(shown(kinds[k].name, record), line);
			CHECK_EQ(seen, is_shown(kinds[k].name, names[i]));
		}
	}
}

int main(void)
{
	a_contact_is_shown_in_order();
	a_list_item_gives_the_same_bytes();
	single_and_list_item_agree();
	embedded_objects_keep_their_identity();
	a_repeated_member_is_shown_once();
	records_without_id_are_refused();
	a_full_buffer_is_left_as_it_was();
	times_are_read();
	bad_times_are_refused();
	a_missing_time_falls_back();
	members_know_their_place();
	rendering_and_questions_agree();
	return check_done("view");
}
