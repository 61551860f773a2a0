/* SPDX-License-Identifier: MIT */
/* report: sentences about places in a person's text, whatever they are made of. */
#include "crm/report.h"

#include <string.h>

#include "check.h"

static struct report r;
static char line[300];

static struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static const char text[] =
	"{\n  \"email\": \"x\",\n  \"phones\": [\n    {\"number\": \"1\"},\n"
	"    {\"number\": \"2\", \"type\": \"work\"}\n  ],\n  \"stage\": {}\n}\n";

static const char *written(const char *file)
{
	static struct buf b = {.max = 1 << 20};

	buf_clear(&b);
	CHECK_EQ(report_write(&r, file, &b), 0);
	return b.data ? b.data : "";
}

static const char *first_line(void)
{
	report_line(&r, line, sizeof(line));
	return line;
}

static void places_are_lines_and_columns(void)
{
	report_fini(&r);
	report_add(&r, span(text), strstr(text, "\"x\""), "email", "is %d", 7);
	report_add(&r, span(text), NULL, "title", "is missing");
	report_add(&r, span(text), text, NULL, "all wrong");
	report_add(&r, span(text), text + strlen(text), "end", "x");
	report_add(&r, span(text), line, "elsewhere", "x");
	CHECK_STR(written("41.json"), "41.json:2:12: email: is 7\n41.json: title: is missing\n"
				      "41.json:1:1: all wrong\n41.json:9:1: end: x\n"
				      "41.json: elsewhere: x\n");
	CHECK_STR(first_line(), "line 2, email: is 7");
	report_fini(&r);
	CHECK_STR(written("41.json"), "");
	CHECK_STR(first_line(), "");
	report_add(&r, span(text), text, NULL, "all wrong");
	CHECK_STR(first_line(), "line 1: all wrong");
}

static const char *dotted(const char *name)
{
	report_fini(&r);
	report_add_dotted(&r, span(text), name, "bad");
	return written("f");
}

static void a_servers_names_are_looked_up(void)
{
	CHECK_STR(dotted("email"), "f:2:12: email: bad\n");
	CHECK_STR(dotted("phones.1.number"), "f:5:16: phones[1].number: bad\n");
	CHECK_STR(dotted("phones.0.type"), "f:4:5: phones[0].type: bad\n");
	CHECK_STR(dotted("phones.7"), "f:3:13: phones[7]: bad\n");
	CHECK_STR(dotted("stage_id"), "f:7:12: stage: bad\n");
	CHECK_STR(dotted("call_outcome_id"), "f: call_outcome_id: bad\n");
	CHECK_STR(dotted("user_id"), "f: user_id: bad\n");
	CHECK_STR(dotted(""), "f: bad\n");
	CHECK_STR(dotted("a..b.99999999999999999999"), "f: a..b.99999999999999999999: bad\n");
	CHECK_STR(dotted("email.0.1.2.3.4.5.6.7.8.9.email"),
		  "f:2:12: email[0][1][2][3][4][5][6][7][8][9].email: bad\n");
}

static void faults_have_their_place(void)
{
	struct jfault fault;

	report_fini(&r);
	CHECK(jtext_check(span("{\n \"a\": 1\n \"b\": 2}"), &fault) < 0);
	report_add_fault(&r, &fault);
	CHECK_STR(written("f"), "f:3:2: not JSON: a comma is missing\n");
	CHECK_STR(first_line(), "line 3: not JSON: a comma is missing");
}

static void sentences_are_printable_lines(void)
{
	report_fini(&r);
	report_add(&r, span(text), NULL, "a\nb", "x\ny\x1b[31m %s \xe2\x80\xae \xc3\xa5 %s", "%s%n",
		   "\xff\xc3");
	CHECK_STR(written("f\n\x1bg"), "f ?g: a b: x y?[31m %s%n ? \xc3\xa5 ??\n");
	CHECK_STR(first_line(), "a b: x y?[31m %s%n ? \xc3\xa5 ??");
	report_fini(&r);
	report_add(&r, span(text), NULL, NULL, "\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf\xe0\x80\xaf|");
	CHECK_STR(first_line(), "????????????|");
	report_line(&r, line, 4);
	CHECK_STR(line, "???");
	report_line(&r, line, 0);
}

static void too_much_is_counted(void)
{
	static char long_one[3 * REPORT_SENTENCE_MAX];

	report_fini(&r);
	memset(long_one, 'x', sizeof(long_one) - 1);
	for (int i = 0; i < REPORT_MAX + 3; i++)
		report_add(&r, span(text), NULL, i ? "m" : long_one, "%s", long_one);
	CHECK_EQ((long long)r.count, REPORT_MAX);
	CHECK_EQ((long long)r.more, 3);
	CHECK_EQ((long long)strlen(r.list[0].sentence), REPORT_SENTENCE_MAX);
	CHECK(strlen(r.list[0].member) <= 200);
	CHECK(strstr(written("f"), "\nf: and 3 more\n"));
}

int main(void)
{
	places_are_lines_and_columns();
	a_servers_names_are_looked_up();
	faults_have_their_place();
	sentences_are_printable_lines();
	too_much_is_counted();
	report_fini(&r);
	return check_done("report");
}
