/* SPDX-License-Identifier: MIT */
/* form: every custom field and every name, in the forms that are read, written and typed. */
#include "edit_fixture.h"

static const char metadata[] =
	"[{\"attribute\":\"cf_region\",\"customField\":{\"field_type\":\"Select\"},\"options\":["
	"{\"id\":14,\"name\":\"North\"},{\"id\":15,\"name\":\"South\"}]},"
	"{\"attribute\":\"cf_size\",\"customField\":{\"field_type\":\"Radio\",\"options\":["
	"{\"id\":41,\"name\":\"Small\"},{\"id\":42,\"name\":\"2025\"}]}},"
	"{\"attribute\":\"cf_need\",\"customField\":{\"field_type\":\"MultiSelect\"},\"options\":["
	"{\"id\":31,\"name\":\"Pumps\"},{\"id\":32,\"name\":\"Valves, small\"},"
	"{\"id\":33,\"name\":\"Rental\"}]},"
	"{\"attribute\":\"cf_cert\",\"customField\":{\"field_type\":\"Checkbox\"},\"options\":["
	"{\"id\":51,\"name\":\"ISO 9001\"}]},"
	"{\"attribute\":\"cf_date\",\"customField\":{\"field_type\":\"Date\"}},"
	"{\"attribute\":\"cf_at\",\"customField\":{\"field_type\":\"DateTime\"}},"
	"{\"attribute\":\"cf_count\",\"customField\":{\"field_type\":\"Number\"}},"
	"{\"attribute\":\"cf_score\",\"customField\":{\"field_type\":\"Numeric\"}},"
	"{\"attribute\":\"cf_news\",\"customField\":{\"field_type\":\"Boolean\"}},"
	"{\"attribute\":\"cf_nick\",\"customField\":{\"field_type\":\"Text\"}},"
	"{\"attribute\":\"cf_about\",\"customField\":{\"field_type\":\"Textarea\"}},"
	"{\"attribute\":\"cf_mail\",\"customField\":{\"field_type\":\"Email\"}},"
	"{\"attribute\":\"cf_zone\",\"customField\":{\"field_type\":\"Timezone\"}},"
	"{\"attribute\":\"cf_url\",\"customField\":{\"field_type\":\"Url\"}},"
	"{\"attribute\":\"cf_colour\",\"customField\":{\"field_type\":\"ColorSwatch\"}},"
	"{\"attribute\":\"cf_odd\",\"customField\":{\"field_type\":\"Hologram\"}},"
	"{\"attribute\":\"cf_locked\",\"readonly\":true,\"customField\":{\"field_type\":\"Text\"}},"
	"{\"attribute\":\"source_id\",\"customField\":null,\"options\":[{\"id\":5,\"name\":\"Web\"}"
	","
	"{\"id\":6,\"name\":\"Fair\"}]},"
	"{\"attribute\":\"country_id\",\"options\":[{\"id\":211,\"name\":\"Sweden\"}]},"
	"{\"attribute\":\"user_id\",\"options\":[]},"
	"{\"attribute\":\"stage_id\",\"options\":[{\"id\":11,\"name\":\"Won\"}]}]";

static struct choices users, stages, pipelines, tags;
static const char *asked;

static const struct choices *lookup(void *arg, const char *kind)
{
	(void)arg;
	asked = kind;
	return strcmp(kind, "users") == 0	      ? &users
	       : strcmp(kind, "pipeline-stages") == 0 ? &stages
	       : strcmp(kind, "pipelines") == 0	      ? &pipelines
						      : NULL;
}

/* One member of a contact whose value was `was` gets `mine`: what is sent, or why not. */
static const char *change(const char *name, const char *was, const char *mine)
{
	static char base[400], text[400];

	snprintf(base, sizeof(base), "{\"%s\": %s}", name, was);
	snprintf(text, sizeof(text), "{\"%s\": %s}", name, mine);
	int err = update("contacts", text, base);
	size_t skip = strlen(name) + 4;
	if (err == -EINVAL)
		return strchr(why(), ' ') + 1;
	CHECK_EQ(err, 0);
	if (!last.body)
		return "same";
	last.body[last.body_len - 1] = '\0';
	CHECK(last.body_len > skip && strncmp(last.body + 2, name, strlen(name)) == 0);
	return last.body + skip;
}

struct sample {
	const char *name, *was, *mine, *wanted;
};

static void check_samples(const struct sample *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *got = change(s[i].name, s[i].was, s[i].mine);
		size_t n = strcspn(got, "\n");
		if (strlen(s[i].wanted) == n && memcmp(got, s[i].wanted, n) == 0)
			continue;
		fprintf(stderr, "%s: %s -> %s\n", s[i].name, s[i].was, s[i].mine);
		CHECK_STR(got, s[i].wanted);
	}
	CHECK(count > 0);
}

#define ONE "; it takes North (14), South (15)"
#define MADE " (-o create_labels lets a save make it)"

static void one_option_is_an_id(void)
{
	static const struct sample samples[] = {
		{"cf_region", "14", "15", "15"},
		{"cf_region", "14", "\"South\"", "15"},
		{"cf_region", "14", "\" south \"", "15"},
		{"cf_region", "14", "\"15\"", "15"},
		{"cf_region", "14", "{\"id\": 15}", "15"},
		{"cf_region", "14", "{\"name\": \"SOUTH\"}", "15"},
		{"cf_region", "14", "{\"id\": 15, \"name\": \"North\"}", "15"},
		{"cf_region", "14", "{\"id\": 14, \"name\": \"South\"}", "15"},
		{"cf_region", "14", "{\"id\": 14, \"name\": \"North\"}", "same"},
		{"cf_region", "14", "\"North\"", "same"},
		{"cf_region", "14", "\"14\"", "same"},
		{"cf_region", "14", "14.0", "same"},
		{"cf_region", "null", "\"\"", "same"},
		{"cf_region", "null", "\"North\"", "14"},
		{"cf_region", "14", "null", "cf_region: the server cannot clear it" ONE},
		{"cf_region", "14", "\" \"", "cf_region: the server cannot clear it" ONE},
		{"cf_region", "14", "\"Sooth\"", "cf_region: there is no \"Sooth\"" MADE ONE},
		{"cf_region", "14", "99", "cf_region: there is no 99" ONE},
		{"cf_region", "14", "{\"id\": 99}", "cf_region: there is no {\"id\":99}" ONE},
		{"cf_region", "14", "true",
		 "cf_region: takes an id, a name, or an object with one of them"},
		{"cf_size", "41", "2025", "42"}, /* a label of digits */
		{"cf_size", "41", "\"2025\"", "42"},
	};

	check_samples(samples, ARRAY_LEN(samples));
}

static void an_option_can_be_made_knowingly(void)
{
	change("cf_region", "14", "99");
	CHECK(last.doubts.fields && !last.doubts.lookup && !last.doubts.tags);
	known.create_labels = true;
	CHECK_STR(change("cf_region", "14", "\"Nor\\u0064ost\""), "\"Nor\\u0064ost\"");
	CHECK_STR(change("cf_region", "14", "99"), "cf_region: there is no 99" ONE "\n");
	known.create_labels = false;
	SENDS(create("contacts", "{\"first_name\": \"A\", \"cf_region\": null}"),
	      "{\"first_name\":\"A\"}");
	REFUSES(create("contacts", "{\"cf_region\": {\"id\": 14, \"name\": \"South\"}}"),
		"f:1:15: cf_region: 14 is \"North\", not \"South\": keep only one of id and "
		"name\n");
}

#define TAKES "; it takes Pumps (31), Valves, small (32), Rental (33)"
#define NEED "[{\"id\": 31, \"name\": \"Pumps\"}, {\"id\": 33, \"name\": \"Rental\"}]"

static void many_options_are_ids(void)
{
	static const struct sample samples[] = {
		{"cf_need", NEED, "[{\"id\": 31, \"name\": \"Pumps\"}, \"valves, small\", 33]",
		 "[31,32,33]"},
		{"cf_need", NEED, "[31, 33]", "same"},
		{"cf_need", NEED, "[33, \"pumps\"]", "same"},
		{"cf_need", NEED, "\"Rental, Pumps\"", "same"},
		{"cf_need", NEED, "\"Pumps\"", "[31]"},
		{"cf_need", NEED, "\"Valves, small\"", "[32]"},
		{"cf_need", NEED, "[{\"id\": 31, \"name\": \"Valves, small\"}, 33]", "[32,33]"},
		{"cf_need", NEED, "[{\"id\": 32, \"name\": \"Pumps\"}]", "[32]"},
		{"cf_need", NEED, "[]", "[]"},
		{"cf_need", NEED, "null", "[]"},
		{"cf_need", NEED, "\"\"", "[]"},
		{"cf_need", "[]", "null", "same"},
		{"cf_need", NEED, "7", "cf_need: takes a list of options, or null"},
		{"cf_need", NEED, "[31, \"Pump\"]", "cf_need[1]: there is no \"Pump\"" MADE TAKES},
		{"cf_need", NEED, "[null]",
		 "cf_need[0]: takes an id, a name, or an object with one of them"},
		{"cf_need", NEED, "\"Pumps, Pimps\"", "cf_need: there is no \"Pimps\"" MADE TAKES},
		{"cf_cert", "[]", "[\"iso 9001\"]", "[51]"},
	};

	check_samples(samples, ARRAY_LEN(samples));
	REFUSES(update("contacts", "{\"cf_need\": [\"x\", 31, 9]}", "{\"cf_need\": []}"),
		"f:1:14: cf_need[0]: there is no \"x\"" MADE TAKES
		"\nf:1:23: cf_need[2]: there is no 9" TAKES "\n");
}

static void days_and_times_have_two_forms(void)
{
#define DAY "\"1984-05-06T00:00:00.000000Z\""
#define AT "\"2025-03-01T09:30:00.000000Z\""
	static const char date[] = "takes a day of the calendar, as \"2025-03-31\", or null";
	static const char at[] =
		"takes a day with a time in UTC, as \"2025-03-31 09:30:00\", a time "
		"with a zone, as \"2025-03-31T09:30:00+02:00\", or null";
	static char bad_date[100], bad_at[200];
	snprintf(bad_date, sizeof(bad_date), "cf_date: %s", date);
	snprintf(bad_at, sizeof(bad_at), "cf_at: %s", at);
	const struct sample samples[] = {
		{"cf_date", DAY, "\"1984-05-06\"", "same"},
		{"cf_date", DAY, "\"1984-05-07\"", "\"1984-05-07\""},
		{"cf_date", DAY, "\"1984-05-07T00:00:00.000000Z\"", "\"1984-05-07\""},
		{"cf_date", DAY, "\"1984-05-07 00:00:00\"", "\"1984-05-07\""},
		{"cf_date", DAY, "null", "null"},
		{"cf_date", "null", "\"\"", "same"},
		{"cf_date", DAY, "\"1984-02-30\"", bad_date},
		{"cf_date", DAY, "\"6.5.1984\"", bad_date},
		{"cf_date", DAY, "19840506", bad_date},
		{"cf_date", DAY, "\"1984-05-07T10:00:00Z\"",
		 "cf_date: takes a day without a time, as \"2025-03-31\""},
		{"cf_date", DAY, "\"1984-05-07T00:00:00+02:00\"",
		 "cf_date: takes a day without a time, as \"2025-03-31\""},
		{"cf_at", AT, "\"2025-03-01 09:30:00\"", "same"},
		{"cf_at", AT, "\"2025-03-01T11:30:00+02:00\"", "same"},
		{"cf_at", AT, "\"2025-03-01T10:30:00+02:00\"", "\"2025-03-01 08:30:00\""},
		{"cf_at", AT, "\"2025-03-01 10:30\"", "\"2025-03-01 10:30:00\""},
		{"cf_at", AT, "\"\"", "null"},
		{"cf_at", AT, "\"2025-03-01\"", bad_at},
		{"cf_at", AT, "\"2025-03-01 24:30:00\"", bad_at},
	};

	check_samples(samples, ARRAY_LEN(samples));
}

static void numbers_are_checked(void)
{
	static const struct sample samples[] = {
		{"cf_count", "5", "7", "7"},
		{"cf_count", "5", "\"7\"", "7"},
		{"cf_count", "5", "7.0", "7"},
		{"cf_count", "5", "-7", "-7"},
		{"cf_count", "5", "null", "null"},
		{"cf_count", "5", "\"5\"", "same"},
		{"cf_count", "null", "0", "0"},
		{"cf_count", "5", "7.5", "cf_count: takes a whole number, as 7, or null"},
		{"cf_count", "5", "\"x\"", "cf_count: takes a whole number, as 7, or null"},
		{"cf_count", "5", "true", "cf_count: takes a whole number, as 7, or null"},
		{"cf_score", "5", "12.125", "12.125"},
		{"cf_score", "5", "\"12.50\"", "12.50"},
		{"cf_score", "5", "12.1250", "12.1250"},
		{"cf_score", "5", "1.5e1", "1.5e1"},
		{"cf_score", "5", "5.00", "same"},
		{"cf_score", "0", "null", "same"},
		{"cf_score", "5", "null", "null"},
		{"cf_score", "0", "-0", "same"},
		{"cf_score", "5", "-1", "cf_score: takes no number below 0"},
		{"cf_score", "5", "0.0625", "cf_score: takes 3 decimals at most"},
		{"cf_score", "5", "1e-4", "cf_score: takes 3 decimals at most"},
		{"cf_score", "5", "\"many\"", "cf_score: takes a number, as 1250.5, or null"},
		{"cf_news", "true", "false", "false"},
		{"cf_news", "true", "0", "false"},
		{"cf_news", "false", "\"1\"", "true"},
		{"cf_news", "true", "1", "same"},
		{"cf_news", "false", "null", "same"},
		{"cf_news", "true", "null", "false"},
		{"cf_news", "true", "\"yes\"", "cf_news: takes true or false"},
		{"cf_news", "true", "2", "cf_news: takes true or false"},
	};

	check_samples(samples, ARRAY_LEN(samples));
}

static void texts_are_the_servers_to_judge(void)
{
	static const struct sample samples[] = {
		{"cf_nick", "\"M\"", "\"N\"", "\"N\""},
		{"cf_nick", "\"M\"", "\" M \"", "same"},
		{"cf_nick", "null", "\" \"", "same"},
		{"cf_nick", "\"M\"", "null", "null"},
		{"cf_nick", "\"M\"", "5", "cf_nick: takes text in quotes, or null"},
		{"cf_about", "null", "[\"a\"]", "cf_about: takes text in quotes, or null"},
		{"cf_mail", "null", "\"not an address\"", "\"not an address\""},
		{"cf_zone", "null", "\"Mars\"", "\"Mars\""},
		{"cf_url", "null", "\"x\"", "\"x\""},
		{"cf_colour", "null", "\"#4adE80\"", "\"#4adE80\""},
		{"cf_colour", "\"#4ade80\"", "\"\"", "null"},
		{"cf_colour", "null", "\"red\"",
		 "cf_colour: takes a colour, as \"#4ade80\", or null"},
		{"cf_colour", "null", "\"#4ade8g\"",
		 "cf_colour: takes a colour, as \"#4ade80\", or null"},
		{"cf_odd", "1", "{\"id\": 2}", "{\"id\":2}"},
		{"cf_odd", "[1]", "null", "[]"},
		{"cf_odd", "[{\"id\": 1, \"name\": \"x\"}]", "[1]", "same"},
		{"cf_locked", "\"M\"", "\"N\"", "cf_locked: cannot be changed: it is read-only"},
		{"cf_locked", "\"M\"", "\"M\"", "same"},
		{"cf_hidden", "1", "2", "2"}, /* shown, but not among the fields */
	};

	check_samples(samples, ARRAY_LEN(samples));
	REFUSES(update("contacts", "{\"cf_regoin\": 1}", "{}"),
		"f:1:15: cf_regoin: not a member of contacts\n");
	CHECK(last.doubts.fields);
}

#define CONTACT                                                                                    \
	"{\"user_id\": 2, \"user\": {\"id\": 2, \"name\": \"Ola Berg\", \"email\": "               \
	"\"ola@x.org\"}, "                                                                         \
	"\"source_id\": 5, \"source\": {\"id\": 5, \"name\": \"Web\"}, \"country\": null}"

static void names_lead_to_records(void)
{
	SENDS(update("contacts", "{\"user\": {\"id\": 2, \"name\": \"Jonas Frei\"}}", CONTACT),
	      "{\"user_id\":3}");
	SENDS(update("contacts",
		     "{\"user\": {\"id\": 2, \"name\": \"Ola Berg\", \"email\": \"jonas@x.org\"}}",
		     CONTACT),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user_id\": \"jonas frei\"}", CONTACT), "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user\": \"jonas@x.org\"}", CONTACT), "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user\": {\"name\": \"OLA BERG\"}}", CONTACT), NULL);
	SENDS(update("contacts", "{\"user_id\": \"3\"}", CONTACT), "{\"user_id\":3}");
	SENDS(update("contacts", "{\"user_id\": 77}", CONTACT), "{\"user_id\":77}");
	SENDS(update("contacts", "{\"user\": null}", CONTACT), "{\"user_id\":null}");
	SENDS(update("contacts",
		     "{\"user_id\": 3, \"user\": {\"id\": 2, \"name\": \"Jonas Frei\"}}", CONTACT),
	      "{\"user_id\":3}");
	SENDS(update("contacts", "{\"source\": \"fair\"}", CONTACT), "{\"source_id\":6}");
	SENDS(update("contacts", "{\"source\": {\"id\": 5, \"name\": \"Fair\"}}", CONTACT),
	      "{\"source_id\":6}");
	SENDS(update("contacts", "{\"country\": \"Sweden\"}", CONTACT), "{\"country_id\":211}");
	SENDS(create("contacts", "{\"source\": \"Web\", \"user_id\": \"Ola Berg\"}"),
	      "{\"source_id\":5,\"user_id\":2}");
	SENDS(create("companies", "{\"parent_company_id\": 9}"), "{\"parent_company_id\":9}");
}

static void names_of_nothing_are_refused(void)
{
	REFUSES(update("contacts", "{\"user_id\": 3, \"user\": {\"id\": 2, \"name\": \"Twin\"}}",
		       CONTACT),
		"f:1:42: user: \"Twin\" is the name of several: Twin (8), Twin (9)\n");
	REFUSES(update("contacts", "{\"user_id\": 3, \"user\": null}", CONTACT),
		"f:1:24: user: says something else than user_id: change only one\n");
	REFUSES(update("contacts", "{\"user\": \"Nobody\"}", CONTACT),
		"f:1:10: user: there is no \"Nobody\"; it takes Ola Berg (2), Jonas Frei (3), Twin "
		"(8), Twin (9)\n");
	CHECK(last.doubts.lookup && strcmp(last.doubts.lookup, "users") == 0);
	REFUSES(update("contacts", "{\"source\": \"Wob\"}", CONTACT),
		"f:1:12: source: there is no \"Wob\"" MADE "; it takes Web (5), Fair (6)\n");
	REFUSES(update("contacts", "{\"source_id\": 9999}", CONTACT),
		"f:1:15: source_id: there is no 9999; it takes Web (5), Fair (6)\n");
	REFUSES(update("contacts", "{\"source_id\": \"9999\"}", CONTACT),
		"f:1:15: source_id: there is no \"9999\"" MADE "; it takes Web (5), Fair (6)\n");
	REFUSES(update("contacts", "{\"country\": \"Sverige\"}", CONTACT),
		"f:1:13: country: there is no \"Sverige\"; it takes Sweden (211)\n");
	REFUSES(create("companies", "{\"parent\": \"Nordlys\"}"),
		"f:1:12: parent: takes an id: names are not known here\n");
	REFUSES(update("contacts", "{\"user\": [2]}", CONTACT),
		"f:1:10: user: takes an id, a name, null, or an object with id or name\n");
	REFUSES(update("contacts", "{\"user\": {\"id\": 2, \"name\": \"Ola Berg\", \"phone\": 1}}",
		       CONTACT),
		"f:1:49: user.phone: cannot be changed here, only which one it is\n");
	known.create_labels = true;
	SENDS(update("contacts", "{\"source\": {\"id\": 5, \"name\": \"Wob\"}}", CONTACT),
	      "{\"source_id\":\"Wob\"}");
	REFUSES(update("contacts", "{\"source_id\": 9999}", CONTACT),
		"f:1:15: source_id: there is no 9999; it takes Web (5), Fair (6)\n");
	CHECK_EQ(update("contacts", "{\"user\": \"Nobody\"}", CONTACT), -EINVAL);
	known.create_labels = false;
}

#define DEAL                                                                                       \
	"{\"pipeline_id\": 1, \"pipeline\": {\"id\": 1, \"name\": \"Sales\"}, \"stage_id\": 11, "  \
	"\"stage\": {\"id\": 11, \"name\": \"Open\", \"win_probability\": 5}, \"status\": "        \
	"\"open\", "                                                                               \
	"\"amount\": 5}"

static void stages_are_of_a_pipeline(void)
{
	SENDS(update("deals", "{\"stage\": {\"name\": \"Won\"}}", DEAL), "{\"stage_id\":12}");
	SENDS(update("deals", "{\"stage_id\": \"won\", \"pipeline_id\": 1}", DEAL),
	      "{\"stage_id\":12}");
	SENDS(update("deals", "{\"stage\": {\"name\": \"Won\"}, \"pipeline\": \"service\"}", DEAL),
	      "{\"pipeline_id\":2,\"stage_id\":22}");
	SENDS(update("deals", "{\"stage_id\": 22}", DEAL), "{\"stage_id\":22}");
	SENDS(update("deals", "{\"stage_id\": 22, \"pipeline_id\": 2}", DEAL),
	      "{\"pipeline_id\":2,\"stage_id\":22}");
	REFUSES(update("deals", "{\"pipeline_id\": 2, \"stage_id\": 11}", DEAL),
		"f:1:17: pipeline_id: needs a stage of that pipeline beside it: New (21), Won "
		"(22)\n");
	REFUSES(update("deals", "{\"pipeline\": {\"id\": 1, \"name\": \"Service\"}}", DEAL),
		"f:1:14: pipeline: needs a stage of that pipeline beside it: New (21), Won (22)\n");
	REFUSES(update("deals", "{\"pipeline_id\": 2, \"stage_id\": 12}", DEAL),
		"f:1:17: pipeline_id: has not the stage that is asked for: New (21), Won (22)\n");
	REFUSES(update("deals", "{\"pipeline_id\": 2, \"stage\": \"Open\"}", DEAL),
		"f:1:29: stage: there is no \"Open\"; it takes New (21), Won (22)\n");
	REFUSES(update("deals", "{\"pipeline_id\": 3}", DEAL),
		"f:1:17: pipeline_id: there is no 3; it takes Sales (1), Service (2)\n");
	REFUSES(update("deals", "{\"stage\": \"New\"}", DEAL),
		"f:1:11: stage: there is no \"New\"; it takes Open (11), Won (12)\n");
	REFUSES(create("deals", "{\"name\": \"A\", \"stage\": \"Won\"}"),
		"f:1:24: stage: \"Won\" is the name of several: Won (12), Won (22)\n");
	SENDS(create("deals", "{\"name\": \"A\", \"pipeline_id\": 2, \"stage\": \"Won\"}"),
	      "{\"pipeline_id\":2,\"stage_id\":22,\"name\":\"A\"}");
	REFUSES(update("deals",
		       "{\"stage\": {\"id\": 11, \"name\": \"Open\", \"win_probability\": 9}}",
		       DEAL),
		"f:1:57: stage.win_probability: cannot be changed here, only which one it is\n");
}

static void a_deal_is_won_and_lost_by_way_of_open(void)
{
	SENDS(update("deals", "{\"status\": \"Won\"}", DEAL), "{\"status\":\"won\"}");
	CHECK(!last.first);
	SENDS(update("deals", "{\"status\": \"lost\", \"lost_reason\": \"x\"}",
		     "{\"status\": \"won\"}"),
	      "{\"status\":\"lost\",\"lost_reason\":\"x\"}");
	CHECK_STR(last.first, "{\"status\":\"open\"}");
	CHECK_EQ((long long)last.first_len, 17);
	SENDS(update("deals", "{\"status\": \"won\"}", "{\"status\": \"lost\"}"),
	      "{\"status\":\"won\"}");
	CHECK_STR(last.first, "{\"status\":\"open\"}");
	SENDS(update("deals", "{\"status\": \"open\"}", "{\"status\": \"lost\"}"),
	      "{\"status\":\"open\"}");
	CHECK(!last.first);
	REFUSES(update("deals", "{\"status\": \"gone\"}", DEAL),
		"f:1:12: status: takes \"open\", \"won\" or \"lost\"\n");
	SENDS(update("deals", "{\"amount\": \"7.5\"}", DEAL), "{\"amount\":7.5}");
	SENDS(update("deals", "{\"amount\": 5.0}", DEAL), NULL);
	SENDS(update("deals", "{\"amount\": null}", "{\"amount\": 0}"), NULL);
	known.has_products = true;
	REFUSES(update("deals", "{\"amount\": 7}", DEAL),
		"f:1:12: amount: cannot be changed: it is the sum of the deal's products\n");
	SENDS(update("deals", "{\"amount\": 5.0, \"status\": \"won\"}", DEAL),
	      "{\"status\":\"won\"}");
	known.has_products = false;
}

#define TAGGED "{\"tags\": [{\"id\": 3, \"name\": \"Fair\"}, {\"id\": 4, \"name\": \"VIP\"}]}"
#define TAGS(...) update("contacts", "{\"tags\": " __VA_ARGS__ "}", TAGGED)

static void tags_are_names(void)
{
	SENDS(TAGS("[\"vip\", \"FAIR\"]"), NULL);
	SENDS(TAGS("\"Fair, VIP\""), NULL);
	SENDS(TAGS("[{\"id\": 3, \"name\": \"Fair\"}]"), "{\"tags\":[\"Fair\"]}");
	SENDS(TAGS("[{\"id\": 3, \"name\": \"Fair\"}, {\"id\": 4, \"name\": \"cold\"}]"),
	      "{\"tags\":[\"Fair\",\"Cold\"]}");
	SENDS(TAGS("[{\"id\": 9, \"name\": \"Fair\"}, \"VIP\"]"), "{\"tags\":[\"Cold\",\"VIP\"]}");
	SENDS(TAGS("[{\"id\": 9}]"), "{\"tags\":[\"Cold\"]}");
	SENDS(TAGS("\"cold, Fair\""), "{\"tags\":[\"Cold\",\"Fair\"]}");
	SENDS(TAGS("null"), "{\"tags\":[]}");
	SENDS(TAGS("\"\""), "{\"tags\":[]}");
	SENDS(create("contacts", "{\"tags\": [{\"id\": 3, \"name\": \"cold\"}]}"),
	      "{\"tags\":[\"Cold\"]}");
	REFUSES(TAGS("[\"Fair\", \"Colt\"]"), "f:1:19: tags[1]: there is no tag \"Colt\" (-o "
					      "create_labels lets a save make tags); "
					      "known are Fair (3), Cold (9)\n");
	CHECK(last.doubts.tags);
	REFUSES(TAGS("[{\"id\": 77}]"), "f:1:11: tags[0]: there is no tag with the id 77 (-o "
					"create_labels lets a save make "
					"tags); known are Fair (3), Cold (9)\n");
	tags.is_partial = true;
	REFUSES(TAGS("[\"Colt\"]"), "f:1:11: tags[0]: no record read so far has the tag \"Colt\" "
				    "(-o create_labels lets a "
				    "save make tags); known are Fair (3), Cold (9)\n");
	tags.is_partial = false;
	known.create_labels = true;
	SENDS(TAGS("[\"Colt\"]"), "{\"tags\":[\"Colt\"]}");
	known.create_labels = false;
	known.tags = NULL;
	SENDS(TAGS("[\"vip\"]"), "{\"tags\":[\"vip\"]}");
	FAILS(TAGS("[\"Cold\", 5]"), -ENODATA, "");
	CHECK(last.needs.tags && !last.needs.fields && !last.doubts.tags);
	FAILS(update("contacts", "{\"tags\": [\"Cold\"], \"cf_region\": \"Sooth\"}", TAGGED),
	      -ENODATA, "");
	CHECK(!last.doubts.fields);
	known.tags = &tags;
}

static void options_bind_where_the_type_is_not_told(void)
{
	CLEANUP(fields_free) struct fields *odd = NULL;
	const struct fields *before = known.fields;

	CHECK_EQ(fields_read(span("[{\"attribute\":\"cf_region\",\"options\":[{\"id\":14,\"name\":"
				  "\"North\"},{\"id\":15,\"name\":\"South\"}]}]"),
			     &odd),
		 0);
	known.fields = odd;
	CHECK_STR(change("cf_region", "14", "\"south\""), "15");
	CHECK_STR(
		change("cf_region", "14", "\"Sooth\""),
		"cf_region: there is no \"Sooth\" (-o create_labels lets a save make it); it takes "
		"North (14), South (15)\n");
	CHECK_STR(change("cf_region", "14", "null"), "null");
	CHECK_STR(change("cf_region", "[{\"id\": 14, \"name\": \"North\"}]", "[\"South\", 14]"),
		  "[15,14]");
	known.fields = before;
}

static void a_list_has_an_end(void)
{
	char text[8000] = "{\"tags\": [\"Fair\"";

	for (size_t n = strlen(text); n < 7500; n += 7)
		strcpy(text + n, ",\"Fair\"");
	strcat(text, "]}");
	REFUSES(update("contacts", text, TAGGED), "f:1:10: tags: takes 1000 elements at most\n");
	char words[2 * 1500 + 20] = "{\"tags\": \"";
	for (int i = 0; i < 1500; i++)
		strcat(words, "a,");
	strcat(words, "\"}");
	REFUSES(update("contacts", words, TAGGED), "f:1:10: tags: takes 1000 elements at most\n");
}

static void what_is_not_known_is_asked_for(void)
{
	const struct fields *told = known.fields;

	known.fields = NULL;
	FAILS(update("contacts", "{\"cf_region\": 15, \"city\": 5}", "{\"cf_region\": 14}"),
	      -ENODATA, "");
	CHECK(last.needs.fields && !last.needs.lookup && !last.needs.tags && !last.needs.via);
	SENDS(update("contacts", "{\"cf_region\": 14, \"city\": \"B\"}", "{\"cf_region\": 14}"),
	      "{\"city\":\"B\"}");
	FAILS(update("contacts", "{\"user\": \"Ola\"}", CONTACT), -ENODATA, "");
	CHECK(last.needs.fields);
	FAILS(update("contacts", "{\"source_id\": 6}", CONTACT), -ENODATA, "");
	CHECK(last.needs.fields);
	SENDS(update("contacts", "{\"user_id\": 3}", CONTACT), "{\"user_id\":3}");
	SENDS(update("deals", "{\"stage\": \"Won\"}", DEAL), "{\"stage_id\":12}");
	known.fields = told;
	FAILS(update("activities", "{\"type\": \"Call\"}", "{}"), -ENODATA, "");
	CHECK_STR(last.needs.lookup, "activity-types");
	FAILS(update("companies", "{\"industry_id\": 4}", "{}"), -ENODATA, "");
	CHECK_STR(last.needs.lookup, "industries");
	FAILS(update("calls", "{\"outcome\": {\"name\": \"Busy\"}}", "{}"), -ENODATA, "");
	CHECK_STR(last.needs.lookup, "call-outcomes");
	FAILS(update("documents", "{\"document_type_id\": \"Offer\"}", "{}"), -ENODATA, "");
	CHECK_STR(last.needs.lookup, "document-types");
	pipelines.is_partial = true;
	SENDS(create("deals", "{\"pipeline_id\": 3, \"stage_id\": 31}"),
	      "{\"pipeline_id\":3,\"stage_id\":31}");
	CHECK_EQ(create("deals", "{\"pipeline_id\": \"Three\", \"stage_id\": 31}"), -EINVAL);
	pipelines.is_partial = false;
}

static void guests_keep_their_names(void)
{
	static const char base[] = "{\"guests\": [{\"id\": 4, \"resource_name\": \"contacts\", "
				   "\"guest_email\": \"m@x\"}]}";

	SENDS(update("activities",
		     "{\"guests\": [{\"id\": 4, \"resource_name\": \"contacts\"}, {\"id\": 2, "
		     "\"resource_name\": \"users\"}]}",
		     base),
	      "{\"guests\":{\"users\":[2],\"contacts\":[4]}}");
	SENDS(update("activities", "{\"guests\": {\"contacts\": [4]}}", base), NULL);
	SENDS(update("activities", "{\"guests\": null}", base),
	      "{\"guests\":{\"users\":[],\"contacts\":[]}}");
	REFUSES(update("activities",
		       "{\"guests\": [{\"id\": 4, \"resource_name\": \"contacts\", "
		       "\"guest_email\": "
		       "\"n@x\"}, {\"id\": 2, \"resource_name\": \"users\"}]}",
		       base),
		"f:1:67: guests[0]: guest_email cannot be changed here: another guest has another "
		"id\n");
}

/* A name of what it was is no change, and a name of what it is now is none either. */
static void names_are_compared_as_what_they_stand_for(void)
{
	static const char was[] = "{\"cf_region\": 14}", is[] = "{\"cf_region\": 15}";

	SENDS(update3("contacts", "{\"cf_region\": \"North\"}", was, was, is), NULL);
	SENDS(update3("contacts", "{\"cf_region\": \"South\"}", was, was, is), NULL);
	FAILS(update3("contacts", "{\"cf_region\": \"South\"}", "{\"cf_region\": null}",
		      "{\"cf_region\": null}", was),
	      -EBUSY, "f:1:15: cf_region: yours is \"South\", theirs is 14, it was null\n");
}

static void fill(void)
{
	choices_add(&users, 2, 0, span("\"Ola Berg\""));
	choices_set_email(&users, span("\"ola@x.org\""));
	choices_add(&users, 3, 0, span("\"Jonas Frei\""));
	choices_set_email(&users, span("\"jonas@x.org\""));
	choices_add(&users, 8, 0, span("\"Twin\""));
	choices_add(&users, 9, 0, span("\"Twin\""));
	choices_add(&stages, 11, 1, span("\"Open\""));
	choices_add(&stages, 12, 1, span("\"Won\""));
	choices_add(&stages, 21, 2, span("\"New\""));
	choices_add(&stages, 22, 2, span("\"Won\""));
	choices_add(&pipelines, 1, 0, span("\"Sales\""));
	choices_add(&pipelines, 2, 0, span("\"Service\""));
	choices_add(&tags, 3, 0, span("\"Fair\""));
	choices_add(&tags, 9, 0, span("\"Cold\""));
}

int main(void)
{
	struct fields *fields = NULL;

	CHECK_EQ(fields_read(span(metadata), &fields), 0);
	fill();
	known = (struct edit_known){.fields = fields, .lookup = lookup, .tags = &tags};
	one_option_is_an_id();
	an_option_can_be_made_knowingly();
	many_options_are_ids();
	days_and_times_have_two_forms();
	numbers_are_checked();
	texts_are_the_servers_to_judge();
	names_lead_to_records();
	names_of_nothing_are_refused();
	stages_are_of_a_pipeline();
	a_deal_is_won_and_lost_by_way_of_open();
	tags_are_names();
	options_bind_where_the_type_is_not_told();
	a_list_has_an_end();
	what_is_not_known_is_asked_for();
	guests_keep_their_names();
	names_are_compared_as_what_they_stand_for();
	edit_fini(&last);
	fields_free(fields);
	choices_fini(&users);
	choices_fini(&stages);
	choices_fini(&pipelines);
	choices_fini(&tags);
	return check_done("form");
}
