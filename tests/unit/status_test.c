/* SPDX-License-Identifier: MIT */
/* status: whatever names and servers say, status.json is JSON and metrics are lines. */
#include "crm/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static struct status example(struct status_coll *colls, struct status_draft *drafts)
{
	colls[0] = (struct status_coll){.name = "contacts", .is_walked = true, .age = -1};
	colls[0].pages_done = 3;
	colls[1] = (struct status_coll){
		.name = "deals", .is_complete = true, .records = 12, .age = 0.26, .err = -EIO};
	drafts[0] = (struct status_draft){
		.path = "contacts/a\n\"\xff.json", .err = -EINVAL, .message = "no\xfe"};
	return (struct status){.version = "1",
			       .url = "https://a\"b\\c\n",
			       .user_name = "",
			       .down_why = "",
			       .user_id = UINT64_MAX,
			       .now = 1700000000,
			       .since = 1699999000,
			       .uptime = 1000.04,
			       .colls = colls,
			       .coll_count = 2,
			       .limit = -1,
			       .remaining = -1,
			       .resets_in = -1,
			       .down_for = 5,
			       .breaker_open_for = -1,
			       .refused = drafts,
			       .refused_count = 1,
			       .deletions_left = UINT64_MAX};
}

static void the_status_is_json_whatever_names_are(void)
{
	struct status_coll colls[2];
	struct status_draft drafts[1];
	struct status s = example(colls, drafts);
	struct buf out = BUF_INIT(1 << 16);
	const char *path, *since;
	json_t *deals;

	CHECK_EQ(status_write(&s, 0, &out), 0);
	CHECK(strchr(out.data, '\n') == out.data + out.len - 1);
	json_t *j = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
	CHECK(j != NULL);
	CHECK_EQ(json_unpack(j, "{s:{s:[{s:s}]}, s:{s:s}, s:{s:o}}", "drafts", "refused", "path",
			     &path, "server", "out_of_reach_since", &since, "collections", "deals",
			     &deals),
		 0);
	CHECK_STR(path, "contacts/a\n\"?.json");
	CHECK_STR(since, "2023-11-14T22:13:15Z");
	CHECK_EQ(json_integer_value(json_object_get(deals, "records")), 12);
	CHECK(json_real_value(json_object_get(deals, "age")) == 0.3);
	CHECK(strstr(out.data, "\"uptime\":1000.0,"));
	CHECK(strstr(out.data, "\"walk\":{\"pages_done\":3,\"pages\":null}"));
	CHECK(strstr(out.data, "\"errno\":\"EIO\"") && strstr(out.data, "\"state\":\"walking\""));
	CHECK(strstr(out.data, "\"deletions_left\":null"));
	json_decref(j);
	buf_fini(&out);
}

static void metrics_are_lines_whatever_names_are(void)
{
	struct status_coll colls[2];
	struct status_draft drafts[1];
	struct status s = example(colls, drafts);
	struct buf out = BUF_INIT(1 << 16);

	CHECK_EQ(metrics_write(&s, &out), 0);
	CHECK(strstr(out.data, ",url=\"https://a\\\"b\\\\c\",user_id="));
	CHECK(strstr(out.data, "\nconcordfs_deletions_left +Inf\n"));
	CHECK(strstr(out.data, "\nconcordfs_records{collection=\"deals\"} 12\n"));
	CHECK(strstr(out.data, "\nconcordfs_server_down_seconds 5.000\n"));
	CHECK(!strstr(out.data, "budget_limit") && !strstr(out.data, "age_seconds{collection=\"c"));
	buf_fini(&out);
}

static void too_little_room_is_an_error_and_no_half_of_it(void)
{
	struct status_coll colls[2];
	struct status_draft drafts[1];
	struct status s = example(colls, drafts);
	struct buf out = BUF_INIT(200);

	CHECK_EQ(status_write(&s, 2, &out), -EFBIG);
	CHECK_EQ(out.len, 0);
	CHECK_EQ(metrics_write(&s, &out), -EFBIG);
	buf_fini(&out);
}

int main(void)
{
	the_status_is_json_whatever_names_are();
	metrics_are_lines_whatever_names_are();
	too_little_room_is_an_error_and_no_half_of_it();
	return check_done("status");
}
