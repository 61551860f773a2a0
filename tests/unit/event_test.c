/* SPDX-License-Identifier: MIT */
/* event: a refusal is one line of JSON, whatever names and servers say. */
#include "crm/event.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void a_line_says_all(void)
{
	struct buf out = BUF_INIT(1 << 16);
	struct report report = {0};
	struct jspan text = {"{\n \"email\": \"nope\"}", 19};

	report_add(&report, text, text.p + 3, "email", "is no \"address\"");
	struct event e = {.time = 1700000000,
			  .dir = "contacts",
			  .name = "41.json",
			  .err = -EINVAL,
			  .status = 422,
			  .message = "line 2, email: is no address",
			  .report = &report,
			  .pid = 4711,
			  .command = "vim"};
	CHECK_EQ(event_write(&e, &out), 0);
	CHECK_STR(out.data,
		  "{\"time\":\"2023-11-14T22:13:20Z\",\"path\":\"contacts/41.json\",\"errno\":"
		  "\"EINVAL\",\"status\":422,\"message\":\"line 2, email: is no address\","
		  "\"problems\":[{\"line\":2,\"column\":2,\"member\":\"email\",\"message\":"
		  "\"is no \\\"address\\\"\"}],\"pid\":4711,\"command\":\"vim\"}\n");
	report_fini(&report);
	buf_fini(&out);
}

static void any_name_is_one_line(void)
{
	struct buf out = BUF_INIT(1 << 16);
	struct event e = {.dir = "contacts",
			  .name = "a\nb\"\xff\x1b.json",
			  .err = -EPERM,
			  .message = "m\n\xc3\xa5",
			  .command = "\xfe"};

	CHECK_EQ(event_write(&e, &out), 0);
	CHECK(strchr(out.data, '\n') == out.data + out.len - 1);
	json_t *j = json_loads(out.data, 0, NULL);
	CHECK_STR(json_string_value(json_object_get(j, "path")), "contacts/a\nb\"?\x1b.json");
	CHECK_STR(json_string_value(json_object_get(j, "message")), "m\n\xc3\xa5");
	CHECK(json_is_null(json_object_get(j, "pid")) &&
	      json_is_null(json_object_get(j, "status")));
	json_decref(j);
	buf_fini(&out);
}

static void nothing_in_it_moves_a_terminal(void)
{
	static const char name[] = "a\xc2\x9b"
				   "31m\x7f\xe2\x80\xae\xc3\xa5.json";
	struct buf out = BUF_INIT(1 << 16);
	struct event e = {
		.dir = "contacts", .name = name, .err = -EPERM, .message = "m", .command = "x"};
	char path[60];

	CHECK_EQ(event_write(&e, &out), 0);
	CHECK(strstr(out.data, "a\\u009b31m\\u007f\\u202e\xc3\xa5.json"));
	json_t *j = json_loads(out.data, 0, NULL);
	snprintf(path, sizeof(path), "contacts/%s", name);
	CHECK_STR(json_string_value(json_object_get(j, "path")), path);
	json_decref(j);
	buf_fini(&out);
}

int main(void)
{
	a_line_says_all();
	any_name_is_one_line();
	nothing_in_it_moves_a_terminal();
	return check_done("event");
}
