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
	uint64_t id = 0;

	CHECK_EQ(api_read_me(answer("{\"id\":2,\"name\":\"Ola\"}"), &id), 0);
	CHECK_EQ((long long)id, 2);
	CHECK_EQ(api_read_me(answer("{\"data\":{\"id\":3}}"), &id), 0);
	CHECK_EQ((long long)id, 3);
	CHECK_EQ(api_read_me(answer("{\"name\":\"Ola\"}"), &id), -EIO);
	CHECK_EQ(api_read_me(answer("<html>"), &id), -EIO);
	CHECK_EQ(api_read_me(answer(NULL), &id), -EIO);
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

int main(void)
{
	log_init(NULL);
	requests_are_spelt_out();
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
