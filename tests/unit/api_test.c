/* SPDX-License-Identifier: MIT */
/* api: what is asked, and what is made of an answer, of the wrong ones above all. */
#include "crm/api.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "check.h"
#include "crm/view.h"

static struct job *answer(const char *body)
{
	static struct job j;

	blob_put(j.answer);
	j = (struct job){.path = "/test", .answer = body ? blob_copy(body, strlen(body)) : NULL};
	return &j;
}

static const struct kind *contacts(void)
{
	return kind_find("contacts");
}

static void check_request(struct job *j, enum method method, enum lane lane, const char *path)
{
	CHECK(j != NULL);
	if (!j)
		return;
	CHECK_EQ(j->method, method);
	CHECK_EQ(j->lane, lane);
	CHECK_STR(j->path, path);
	CHECK(j->max_answer > 0 && j->max_answer <= API_PAGE_MAX_BYTES);
	job_free(j);
}

static void requests_are_spelt_out(void)
{
	check_request(api_me(), METHOD_GET, LANE_READ, "/me");
	check_request(api_list(contacts(), 3, 100), METHOD_GET, LANE_LISTING,
		      "/contacts?order=id&per_page=100&page=3");
	check_request(
		api_changed(kind_find("pipeline-stages"), 1, 25), METHOD_GET, LANE_LISTING,
		"/pipeline-stages?order%5B0%5D%5Bfield%5D=updated_at&order%5B0%5D%5Bdirection%5D="
		"desc&order%5B1%5D%5Bfield%5D=id&order%5B1%5D%5Bdirection%5D=desc&per_page=25"
		"&page=1");
	check_request(
		api_trashed(contacts(), 2, 100), METHOD_GET, LANE_LISTING,
		"/trashed/contacts?order%5B0%5D%5Bfield%5D=deleted_at&order%5B0%5D%5Bdirection%5D="
		"desc&order%5B1%5D%5Bfield%5D=id&order%5B1%5D%5Bdirection%5D=desc&per_page=100"
		"&page=2");
	check_request(api_get(contacts(), INT64_MAX), METHOD_GET, LANE_READ,
		      "/contacts/9223372036854775807");
	check_request(api_delete(contacts(), 5), METHOD_DELETE, LANE_SAVE, "/contacts/5");
}

static void what_a_save_wants_to_know_is_asked(void)
{
	check_request(api_fields(contacts()), METHOD_GET, LANE_READ, "/contacts/create-fields");
	check_request(api_lookup(kind_find("sources"), 2), METHOD_GET, LANE_READ,
		      "/sources?order=id&per_page=100&page=2");
	check_request(
		api_newest(contacts(), 15), METHOD_GET, LANE_READ,
		"/contacts?order%5B0%5D%5Bfield%5D=created_at&order%5B0%5D%5Bdirection%5D=desc"
		"&order%5B1%5D%5Bfield%5D=id&order%5B1%5D%5Bdirection%5D=desc&per_page=15&page=1");
	check_request(api_via(kind_find("notes"), 15), METHOD_GET, LANE_READ,
		      "/notes/15?with=contacts%3Bcompanies%3Bdeals");
	check_request(api_restore(contacts(), 5), METHOD_POST, LANE_SAVE, "/trashed/contacts/5");
}

static void saves_carry_their_body(void)
{
	struct job *j = api_update(contacts(), 5, strdup("{\"a\":1}"), 7);

	CHECK_STR(j->body, "{\"a\":1}");
	CHECK_EQ((long long)j->body_len, 7);
	check_request(j, METHOD_PUT, LANE_SAVE, "/contacts/5");
	check_request(api_create(contacts(), strdup("{}"), 2), METHOD_POST, LANE_SAVE, "/contacts");
}

static void me_is_a_number(void)
{
	struct me me;

	CHECK_EQ(api_read_me(answer("{\"id\":2,\"name\":\"Ola \\u00c5\"}"), &me), 0);
	CHECK_EQ((long long)me.id, 2);
	CHECK_STR(me.name, "Ola \xc3\x85");
	CHECK_EQ(api_read_me(answer("{\"data\":{\"id\":3}}"), &me), 0);
	CHECK_EQ((long long)me.id, 3);
	CHECK_STR(me.name, "");
	CHECK_EQ(api_read_me(answer("{\"name\":\"Ola\"}"), &me), -EIO);
	CHECK_EQ(api_read_me(answer("<html>"), &me), -EIO);
	CHECK_EQ(api_read_me(answer(NULL), &me), -EIO);
}

#define META "\"meta\":{\"current_page\":1,\"from\":1,\"last_page\":49,\"per_page\":2,\"total\":97}"

static void a_page_becomes_records(void)
{
	struct page_msg m;

	CHECK_EQ(api_read_page(
			 contacts(),
			 answer("{\"data\":[{\"id\":41,\"updated_at\":\"1970-01-01T00:00:05Z\","
				"\"first_name\":\"Mara\"},{\"id\":42}],\"links\":{}," META "}"),
			 &m),
		 0);
	CHECK_EQ((long long)m.count, 2);
	CHECK_EQ(m.unusable, 0);
	CHECK_EQ(m.page, 1);
	CHECK_EQ(m.last_page, 49);
	CHECK_EQ(m.per_page, 2);
	CHECK_EQ(m.total, 97);
	CHECK_EQ((long long)m.records[0].id, 41);
	CHECK_EQ(m.records[0].updated_at, 5);
	CHECK(m.records[1].updated_at == VIEW_NO_TIME);
	static const char second[] = "{\n  \"id\": 42\n}\n";
	CHECK(m.records[1].text.len == strlen(second) &&
	      memcmp(text_data(&m.records[1].text), second, strlen(second)) == 0);
	/* A slice outlives its page. */
	struct text kept = text_ref(&m.records[1].text);
	page_msg_fini(&m);
	CHECK(memcmp(text_data(&kept), second, strlen(second)) == 0);
	text_put(&kept);
}

static void an_empty_page_is_a_page(void)
{
	struct page_msg m;

	CHECK_EQ(api_read_page(contacts(),
			       answer("{\"data\":[],\"meta\":{\"current_page\":50,\"from\":null,"
				      "\"last_page\":49,\"per_page\":2,\"to\":null,\"total\":97}}"),
			       &m),
		 0);
	CHECK(m.count == 0 && m.page == 50 && m.total == 97);
	page_msg_fini(&m);
}

static void unusable_items_are_counted(void)
{
	struct page_msg m;

	CHECK_EQ(api_read_page(
			 contacts(),
			 answer("{\"data\":[{\"id\":0},{\"id\":\"../x\"},{\"id\":1.5},null,[],7,"
				"{\"id\":99999999999999999999},{\"id\":5}]," META "}"),
			 &m),
		 0);
	CHECK(m.count == 1 && m.unusable == 7 && m.records[0].id == 5);
	page_msg_fini(&m);
}

static void the_newer_of_two_stands(void)
{
	struct page_msg m;

	CHECK_EQ(api_read_page(
			 contacts(),
			 answer("{\"data\":[{\"id\":5,\"city\":\"new\",\"updated_at\":\"2025-01-"
				"02T00:"
				"00:00Z\"},{\"id\":9},{\"id\":5,\"city\":\"old\",\"updated_at\":"
				"\"2025-"
				"01-01T00:00:00Z\"},{\"id\":9,\"city\":\"last\"},{\"id\":3}]," META
				"}"),
			 &m),
		 0);
	CHECK(m.count == 3 && m.unusable == 2);
	CHECK(m.records[0].id == 5 && m.records[0].updated_at == 1735776000);
	CHECK(m.records[1].id == 9 &&
	      memmem(text_data(&m.records[1].text), m.records[1].text.len, "last", 4));
	CHECK(m.records[2].id == 3);
	page_msg_fini(&m);
}

static long last_page_of(const char *meta)
{
	char body[300];
	struct page_msg m;

	snprintf(body, sizeof(body), "{\"data\":[],\"meta\":%s}", meta);
	if (api_read_page(contacts(), answer(body), &m) < 0)
		return -EIO;
	long last = m.last_page;
	page_msg_fini(&m);
	return last;
}

static void meta_may_be_sloppy(void)
{
	CHECK_EQ(last_page_of("{\"current_page\":\"1\",\"per_page\":\"15\",\"total\":\"31\"}"), 3);
	CHECK_EQ(last_page_of("{\"current_page\":1.0,\"per_page\":15.0,\"total\":30.0}"), 2);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":15,\"total\":0}"), 1);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":15,\"total\":30,\"last_page\":9}"),
		 9);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":15}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":0,\"total\":1}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":-5,\"total\":1}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":1e300,\"total\":1}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":\"x\",\"total\":1}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":2,\"total\":1.5}"), -EIO);
	CHECK_EQ(last_page_of("{\"current_page\":1,\"per_page\":1e999,\"total\":1}"), -EIO);
	CHECK_EQ(last_page_of("[]"), -EIO);
	CHECK_EQ(last_page_of("null"), -EIO);
}

static void wrong_answers_are_errors(void)
{
	static const char *const bad[] = {"",
					  "[]",
					  "null",
					  "{}",
					  "<html>login</html>",
					  "{\"data\":{}," META "}",
					  "{\"data\":null," META "}",
					  "{\"data\":[]}",
					  "{\"data\":[{\"id\":1}]," META,
					  "{\"data\":[{\"id\":1},]," META "}",
					  "{\"data\":[{\"id\":1,\"a\":\"\\ud800\"}]," META "}",
					  "{\"data\":[{\"id\":1,\"a\":\"\\u0000\"}]," META "}",
					  "{\"id\":1}"};
	struct page_msg m;
	struct record_msg r;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_EQ(api_read_page(contacts(), answer(bad[i]), &m), -EIO);
		CHECK(!m.records && !m.count);
		if (strcmp(bad[i], "{\"id\":1}") != 0)
			CHECK_EQ(api_read_record(contacts(), answer(bad[i]), &r), -EIO);
	}
	CHECK_EQ(api_read_page(contacts(), answer(NULL), &m), -EIO);
}

static void check_record(const char *body)
{
	struct record_msg r;

	CHECK_EQ(api_read_record(contacts(), answer(body), &r), 0);
	CHECK(r.id == 7 && r.text.len == 14 &&
	      memcmp(text_data(&r.text), "{\n  \"id\": 7\n}\n", 14) == 0);
	text_put(&r.text);
}

static void a_record_may_be_wrapped(void)
{
	check_record("{\"id\":7,\"actions\":[]}");
	check_record("{\"data\":{\"id\":7}}");
	check_record(" \n{\"id\":7}\n");
}

static void check_refusal(const char *body, const char *words)
{
	char line[100];

	api_refusal(answer(body), line, sizeof(line));
	CHECK_STR(line, words);
}

static void refusals_are_put_into_words(void)
{
	check_refusal("{\"message\":\"Unauthenticated.\"}", "Unauthenticated.");
	check_refusal("{\"error\":\"Not authorized.\"}", "Not authorized.");
	check_refusal("{\"message\":\"Two.\",\"errors\":{\"first_name\":[\"Required.\",\"Long.\"],"
		      "\"email\":\"Bad.\"}}",
		      "Two.; first_name: Required.; first_name: Long.; email: Bad.");
	check_refusal("{\"message\":\"\"}", "");
	check_refusal("{\"message\":7,\"errors\":[1,\"x\"]}", "");
	check_refusal("<html>", "");
	check_refusal("[]", "");
	check_refusal(NULL, "");
}

static void refusals_are_safe_to_print(void)
{
	check_refusal("{\"message\":\" a\\u001b[31m\\nb\\t c\\u009bd\\u202ee \"}",
		      "a?[31m b c?d?e");
	check_refusal("{\"message\":\"Ume\\u00e5\"}", "Ume\xc3\xa5");
}

static void refusals_are_cut_between_characters(void)
{
	char tiny[6];

	api_refusal(answer("{\"message\":\"abcd\\u00e5\"}"), tiny, sizeof(tiny));
	CHECK_STR(tiny, "abcd");
	api_refusal(answer("{\"message\":\"abc\\u00e5\"}"), tiny, sizeof(tiny));
	CHECK_STR(tiny, "abc\xc3\xa5");
	api_refusal(answer("{\"message\":\"abc\"}"), tiny, 1);
	CHECK_STR(tiny, "");
}

static const char *problems(const char *body, const char *mine)
{
	static struct buf b = {.max = 1 << 16};
	CLEANUP(report_fini) struct report r = {0};

	buf_clear(&b);
	api_problems(answer(body), (struct jspan){mine, strlen(mine)}, &r);
	report_write(&r, "f", &b);
	return b.data ? b.data : "";
}

static void refusals_are_put_in_their_places(void)
{
	static const char mine[] = "{\n  \"email\": \"x\",\n  \"phones\": [{\"number\": 1}]\n}";

	CHECK_STR(problems("{\"message\":\"Two.\",\"errors\":{\"email\":[\"Bad.\",\"Taken.\"],"
			   "\"phones.0.number\":\"Not %s\\u001b.\",\"name\":[\"Required.\",7]}}",
			   mine),
		  "f:2:12: email: Bad.\nf:2:12: email: Taken.\n"
		  "f:3:25: phones[0].number: Not %s?.\nf: name: Required.\n");
	CHECK_STR(problems("{\"message\":\"No.\",\"errors\":{}}", mine), "f: No.\n");
	CHECK_STR(problems("{\"message\":\"\",\"error\":\"Never.\"}", mine), "f: Never.\n");
	CHECK_STR(problems("<html>", mine), "");
	CHECK_STR(problems(NULL, mine), "");
}

static void an_answer_is_unwrapped(void)
{
	struct jspan object;

	CHECK_EQ(api_answer(answer(" {\"data\":{\"id\":7}} "), &object), 0);
	CHECK(object.n == 8 && memcmp(object.p, "{\"id\":7}", 8) == 0);
	CHECK_EQ(api_answer(answer("[]"), &object), -EIO);
}

static void fields_are_read(void)
{
	struct fields *f = NULL;

	CHECK_EQ(api_read_fields(answer("[{\"attribute\":\"a\"}]"), &f), 0);
	CHECK(f && fields_find(f, "a", 1));
	fields_free(f);
	CHECK_EQ(api_read_fields(answer("{\"message\":\"x\"}"), &f), -EIO);
	CHECK(!f);
	CHECK_EQ(api_read_fields(answer(NULL), &f), -EIO);
}

static void lookups_are_read_page_by_page(void)
{
	CLEANUP(choices_fini) struct choices c = {0};
	bool is_last = true;

	CHECK_EQ(api_read_lookup(answer("{\"data\":[{\"id\":11,\"name\":\"W\\u00f6n\","
					"\"pipeline_id\":1},{\"id\":0,\"name\":\"x\"},{\"id\":2},7,"
					"{\"id\":3,\"name\":\"Ola\",\"email\":\"o@x\"}]," META "}"),
				 1, &c, &is_last),
		 0);
	CHECK(!is_last && c.count == 2 && c.list[0].id == 11 && c.list[0].of == 1);
	CHECK_STR(c.list[0].name, "W\xc3\xb6n");
	CHECK_STR(c.list[1].email, "o@x");
	CHECK_EQ(api_read_lookup(answer("{\"data\":[{\"id\":4,\"display_name\":\"D\"}],\"meta\":{"
					"\"current_page\":2,\"last_page\":2,\"per_page\":100,"
					"\"total\":101}}"),
				 2, &c, &is_last),
		 0);
	CHECK(is_last && c.count == 3 && !c.is_partial);
	CHECK_EQ(api_read_lookup(answer("{\"data\":[]," META "}"), 1, &c, &is_last), 0);
	CHECK(is_last && !c.is_partial); /* whatever meta says */
	CHECK_EQ(api_read_lookup(answer("{\"data\":[{\"id\":11,\"name\":\"x\"}]," META "}"), 2, &c,
				 &is_last),
		 0);
	CHECK(is_last && c.is_partial); /* the first page once more */
	CHECK_EQ(api_read_lookup(answer("{\"data\":{}," META "}"), 1, &c, &is_last), -EIO);
	CHECK_EQ(api_read_lookup(answer("{\"data\":[]}"), 1, &c, &is_last), -EIO);
}

static void the_first_attachment_is_found(void)
{
	struct via via;

	CHECK_EQ(api_read_via(answer("{\"id\":15,\"contacts\":[],\"companies\":[{\"id\":0},"
				     "{\"id\":9}],\"deals\":[{\"id\":1}]}"),
			      &via),
		 0);
	CHECK_STR(via.resource, "companies");
	CHECK_EQ((long long)via.id, 9);
	CHECK_EQ(api_read_via(answer("{\"id\":15,\"contacts\":null}"), &via), 0);
	CHECK(!*via.resource && !via.id);
	CHECK_EQ(api_read_via(answer("[]"), &via), -EIO);
}

static bool has_products(const char *body)
{
	struct record_msg r;

	CHECK_EQ(api_read_record(kind_find("deals"), answer(body), &r), 0);
	text_put(&r.text);
	return r.has_products;
}

static void a_deal_with_products_says_so(void)
{
	struct page_msg m;

	CHECK(has_products("{\"id\":1,\"products_count\":2}"));
	CHECK(!has_products("{\"id\":1,\"products_count\":0}"));
	CHECK(!has_products("{\"id\":1}"));
	CHECK_EQ(api_read_page(kind_find("deals"),
			       answer("{\"data\":[{\"id\":1,\"products_count\":2}]," META "}"), &m),
		 0);
	CHECK(m.records[0].has_products);
	page_msg_fini(&m);
}

int main(void)
{
	log_init(NULL);
	requests_are_spelt_out();
	what_a_save_wants_to_know_is_asked();
	refusals_are_put_in_their_places();
	an_answer_is_unwrapped();
	fields_are_read();
	lookups_are_read_page_by_page();
	the_first_attachment_is_found();
	a_deal_with_products_says_so();
	saves_carry_their_body();
	me_is_a_number();
	a_page_becomes_records();
	an_empty_page_is_a_page();
	unusable_items_are_counted();
	the_newer_of_two_stands();
	meta_may_be_sloppy();
	wrong_answers_are_errors();
	a_record_may_be_wrapped();
	refusals_are_put_into_words();
	refusals_are_safe_to_print();
	refusals_are_cut_between_characters();
	answer(NULL);
	return check_done("api");
}
