/* SPDX-License-Identifier: MIT */
/*
 * jtext: the grammar against a table and against jansson (on generated and mutated texts), and
 * what is read, printed and compared. The two parsers are known to differ: jansson refuses a number
 * beyond a double, jtext one of more than 400 characters; their depths differ; and jansson 2.14
 * overlooks a NUL byte behind a number.
 */
#include "crm/jtext.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "check.h"

#define S(literal) ((struct jspan){literal, sizeof(literal) - 1})

static struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static bool accepts(struct jspan text)
{
	struct jfault fault;

	return jtext_check(text, &fault) == 0;
}

static const char *why_not(const char *text)
{
	static struct jfault fault;

	return jtext_check(span(text), &fault) == 0 ? "" : fault.why;
}

static const struct jspan valid[] = {
	S("0"),
	S("-0"),
	S("1"),
	S("-1"),
	S("123456789012345678901234567890"),
	S("0.0"),
	S("1.25"),
	S("-0.1e-2"),
	S("1E5"),
	S("1e+5"),
	S("1e99999"),
	S("1e-99999"),
	S("null"),
	S("true"),
	S("false"),
	S("\"\""),
	S("\"a\""),
	S(" \t\r\n1 \t\r\n"),
	S("[]"),
	S("[ ]"),
	S("[1]"),
	S("[1,2]"),
	S("[[],{}]"),
	S("{}"),
	S("{ }"),
	S("{\"\":0}"),
	S("{\"a\":1,\"a\":2}"),
	S("{\"a\":{\"b\":[null,true]}}"),
	S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	S("\"\\u00e5\""),
	S("\"\\uD83D\\uDE00\""),
	S("\"\\ud83d\\ude00\""),
	S("\"\\uFFFF\""),
	S("\"\x7f\""),
	S("\"\xc2\x80\""),
	S("\"\xdf\xbf\""),
	S("\"\xe0\xa0\x80\""),
	S("\"\xed\x9f\xbf\""),
	S("\"\xee\x80\x80\""),
	S("\"\xef\xbf\xbf\""),
	S("\"\xf0\x90\x80\x80\""),
	S("\"\xf4\x8f\xbf\xbf\""),
	S("\"\xe2\x80\xa8\""),
	S("\"\\u0001\""),
	S("\"\\u2028\""),
	S("[\"abcdefgh\",\"abcdefghijklmnopqrstuvwxyz\\n\"]"),
	S("{\"a\":\"{[]}\"}"),
};

static const struct jspan invalid[] = {
	S(""),
	S(" "),
	S("-"),
	S("+1"),
	S("01"),
	S("-01"),
	S("00"),
	S("1."),
	S(".5"),
	S("1.e1"),
	S("1e"),
	S("1e+"),
	S("0x1"),
	S("1a"),
	S("1 2"),
	S("Infinity"),
	S("NaN"),
	S("-Infinity"),
	S("nul"),
	S("nulll"),
	S("True"),
	S("tru"),
	S("falsy"),
	S("\""),
	S("\"a"),
	S("'a'"),
	S("a"),
	S("["),
	S("]"),
	S("[1"),
	S("[1,"),
	S("[1,]"),
	S("[,1]"),
	S("[1 2]"),
	S("[1,,2]"),
	S("[1]]"),
	S("[}"),
	S("{"),
	S("}"),
	S("{]"),
	S("{\"a\"}"),
	S("{\"a\":}"),
	S("{\"a\":1,}"),
	S("{,}"),
	S("{a:1}"),
	S("{1:1}"),
	S("{\"a\" 1}"),
	S("{\"a\":1 \"b\":2}"),
	S("{\"a\":1}}"),
	S("{\"a\":1,\"b\"}"),
	S("{\"a\"::1}"),
	S("[1}"),
	S("{\"a\":1]"),
	S("\"\\x\""),
	S("\"\\u12\""),
	S("\"\\u12g4\""),
	S("\"\\U0041\""),
	S("\"\\u0000\""),
	S("\"a\nb\""),
	S("\"a\tb\""),
	S("\"\x01\""),
	S("\"\0\""),
	S("\0"),
	S("1\0"),
	S("\"\\ud800\""),
	S("\"\\udc00\""),
	S("\"\\ud800\\n\""),
	S("\"\\ud800\\u0041\""),
	S("\"\\ud800\\ud800\""),
	S("\"\\ud800x\""),
	S("\"\x80\""),
	S("\"\xc0\xaf\""),
	S("\"\xc1\xbf\""),
	S("\"\xc2\""),
	S("\"\xe0\x9f\xbf\""),
	S("\"\xed\xa0\x80\""),
	S("\"\xf0\x8f\xbf\xbf\""),
	S("\"\xf4\x90\x80\x80\""),
	S("\"\xf5\x80\x80\x80\""),
	S("\"\xff\""),
	S("\"\xe2\x28\xa1\""),
	S("\xef\xbb\xbf{}"),
	S("\xef\xbb\xbf"),
	S("// x\n1"),
	S("/**/1"),
	S("1 # x"),
	S("\v1"),
	S("\f1"),
	S("\xc2\xa0"
	  "1"),
	S("{\"a\":1}x"),
	S("[\"a\",\n4\n,1,"),
	S("\\u0031"),
	S("*"),
	S("{\"\\ud800\":1}"),
	S("\"\\"),
	S("\"\\\""),
	S("\"\\u\""),
	S("&"),
	S("[-]"),
	S("[--1]"),
};

static void table_is_obeyed(void)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		if (!CHECK(accepts(valid[i])))
			fprintf(stderr, "\tvalid: %s\n", valid[i].p);
	}
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
		if (!CHECK(!accepts(invalid[i])))
			fprintf(stderr, "\tinvalid: %s\n", invalid[i].p);
	}
}

static struct jspan nested(char *room, size_t depth)
{
	memset(room, '[', depth);
	memset(room + depth, ']', depth);
	return (struct jspan){room, 2 * depth};
}

static void limits_hold(void)
{
	static char room[20002], digits[1000];
	struct jfault fault;

	CHECK(accepts(nested(room, JTEXT_MAX_DEPTH)));
	CHECK(!accepts(nested(room, JTEXT_MAX_DEPTH + 1)));
	CHECK(!accepts(nested(room, 10000)));
	CHECK(!jtext_is_prefix((struct jspan){room, 10000}, &fault));
	memset(digits, '7', sizeof(digits));
	CHECK(accepts((struct jspan){digits, JTEXT_MAX_DIGITS}));
	CHECK(!accepts((struct jspan){digits, JTEXT_MAX_DIGITS + 1}));
}

static void faults_tell_the_place(void)
{
	struct jfault f;

	CHECK_EQ(jtext_check(S("{\n  \"a\": 1\n  \"b\": 2\n}"), &f), -EINVAL);
	CHECK_STR(f.why, "a comma is missing");
	CHECK_EQ(f.line, 3);
	CHECK_EQ(f.column, 3);
	CHECK_EQ((long long)f.offset, 13);
	CHECK_EQ(jtext_check(S("{\"a\": 1,\n}"), &f), -EINVAL);
	CHECK_STR(f.why, "a comma stands before the closing brace");
	CHECK_EQ(f.line, 2);
	CHECK_EQ(f.column, 1);
	CHECK_STR(why_not("{\"a\": 1"), "the text ends too soon");
	CHECK_STR(why_not("{a: 1}"), "a member's name in double quotes is missing");
	CHECK_STR(why_not("[1}"), "this bracket does not fit the open one");
	CHECK_STR(why_not("\xef\xbb\xbf{}"), "a value is missing");
	struct jspan text = S("a\n\nb");
	CHECK_EQ(jtext_line(text, text.p), 1);
	CHECK_EQ(jtext_line(text, text.p + 3), 3);
}

static void every_beginning_is_a_prefix(struct jspan text)
{
	struct jfault fault;

	for (size_t n = 0; n <= text.n; n++) {
		if (!CHECK(jtext_is_prefix((struct jspan){text.p, n}, &fault)))
			fprintf(stderr, "\tbeginning: %.*s\n", (int)n, text.p);
	}
}

static void hopeless_texts_are_no_prefix(void)
{
	static const char *const hopeless[] = {
		"x",	  "{]",		"[1,,",		"{\"a\" 1",
		"tru ",	  "\"\\x",	"\"\\ud800\\n", "\"\\ud800\\u0",
		"\"\xc0", "\"\xe2\x28", "01",		"1 2",
		"{} {",	  "-a",		"\"\n",		"\xef\xbb\xbf"};
	struct jfault fault;

	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++)
		CHECK(!jtext_is_prefix(span(hopeless[i]), &fault));
}

/* --- against jansson --- */

static uint64_t seed = 88172645463325252u;

static unsigned dice(unsigned sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % sides;
}

static void generate_string(struct buf *b)
{
	static const char *const bits[] = {"a",
					   "name",
					   "\\n",
					   "\\\"",
					   "\\/",
					   "\\u00e5",
					   "\\ud83d\\ude00",
					   "\xc3\xa5",
					   "\xf0\x9f\x98\x80",
					   " ",
					   "{",
					   "]",
					   ",",
					   "0123456789",
					   "\\\\",
					   "\xe2\x80\xae",
					   "\x7f"};

	buf_add_char(b, '"');
	for (unsigned n = dice(5); n; n--)
		buf_add_str(b, bits[dice(ARRAY_LEN(bits))]);
	buf_add_char(b, '"');
}

static void generate(struct buf *b, int depth)
{
	static const char *const scalars[] = {
		"0", "-1", "12.50", "1e3", "true", "false", "null", "9007199254740993", "-0.0"};
	unsigned kind = dice(depth ? 5 : 3), n = dice(4);

	if (kind < 2) {
		buf_add_str(b, scalars[dice(ARRAY_LEN(scalars))]);
	} else if (kind == 2) {
		generate_string(b);
	} else {
		buf_add_char(b, kind == 3 ? '[' : '{');
		for (unsigned i = 0; i < n; i++) {
			buf_add_str(b, i ? ", " : "\n");
			if (kind == 4) {
				generate_string(b);
				buf_add_str(b, ": ");
			}
			generate(b, depth - 1);
		}
		buf_add_char(b, kind == 3 ? ']' : '}');
	}
}

static void mutate(struct buf *b)
{
	static const char bytes[] = "{}[],:\"\\u0e-+.tfn \n\x80\xc3\xf4\x01/dD8";
	size_t at = dice((unsigned)b->len);

	switch (dice(3)) {
	case 0:
		b->data[at] = bytes[dice(sizeof(bytes))];
		break;
	case 1:
		memmove(b->data + at, b->data + at + 1, b->len - at);
		b->len--;
		break;
	default:
		buf_add_char(b, ' ');
		memmove(b->data + at + 1, b->data + at, b->len - at - 1);
		b->data[at] = bytes[dice(sizeof(bytes))];
	}
}

static void agree(struct jspan text)
{
	json_error_t error;
	json_t *tree =
		json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
	bool theirs = tree,
	     overflow = !tree && json_error_code(&error) == json_error_numeric_overflow;

	json_decref(tree);
	if (overflow)
		return; /* the rest was not read */
	if (memchr(text.p, '\0', text.n)) {
		CHECK(!accepts(text));
		return;
	}
	if (!CHECK_EQ(accepts(text), theirs))
		fprintf(stderr, "\ttext: %.*s\n", (int)text.n, text.p);
}

static void jansson_agrees(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 20);
	struct jfault fault;

	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		agree(valid[i]);
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
		agree(invalid[i]);
	for (int i = 0; i < 30000; i++) {
		buf_clear(&b);
		generate(&b, 4);
		struct jspan text = {b.data, b.len};
		CHECK(accepts(text));
		agree(text);
		if (i < 500)
			every_beginning_is_a_prefix(text);
		for (unsigned n = 1 + dice(3); n && b.len; n--) {
			mutate(&b);
			text = (struct jspan){b.data, b.len};
			agree(text);
			CHECK(!accepts(text) || jtext_is_prefix(text, &fault));
		}
	}
}

/* --- printing --- */

static const char *indented(const char *text)
{
	static struct buf b = BUF_INIT(1 << 20);

	buf_clear(&b);
	CHECK_EQ(jtext_indent(span(text), 0, &b), 0);
	return b.data ? b.data : "";
}

static void indent_lays_out(void)
{
	CHECK_STR(indented("{}"), "{}");
	CHECK_STR(indented(" [ ] "), "[]");
	CHECK_STR(indented("1.250"), "1.250");
	CHECK_STR(indented("{\"a\":1,\"b\":[1,{\"c\":null}],\"d\":{ }}"),
		  "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ],\n"
		  "  \"d\": {}\n}");
	CHECK_STR(indented("\"{[,:]}\""), "\"{[,:]}\"");
}

static void indent_shows_characters(void)
{
	CHECK_STR(indented("\"a\\/b\""), "\"a/b\"");
	CHECK_STR(indented("\"Ume\\u00e5 \\ud83d\\ude00\""), "\"Ume\xc3\xa5 \xf0\x9f\x98\x80\"");
	CHECK_STR(indented("\"\\\" \\\\ \\u0022 \\u005c \\u002f\""), "\"\\\" \\\\ \\\" \\\\ /\"");
	CHECK_STR(indented("\"\\n \\t \\u001b \\u000a\""), "\"\\n \\t \\u001b \\u000a\"");
	CHECK_STR(indented("\"\\u007f \\u0085 \\u2028 \\u202e \\u2066 \\u061c\""),
		  "\"\\u007f \\u0085 \\u2028 \\u202e \\u2066 \\u061c\"");
	CHECK_STR(indented("\"\x7f \xc2\x85 \xe2\x80\xa8 \xe2\x80\xae \xe2\x81\xa6 \xd8\x9c\""),
		  "\"\\u007f \\u0085 \\u2028 \\u202e \\u2066 \\u061c\"");
	CHECK_STR(indented("\"\xc2\xa0\xe2\x80\xa6\""), "\"\xc2\xa0\xe2\x80\xa6\"");
}

/* Indented text is valid, equal to its source, and indents to itself. */
static void indent_keeps_the_value(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf once = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf twice = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf compact = BUF_INIT(1 << 20);

	for (int i = 0; i < 5000; i++) {
		buf_clear(&b);
		buf_clear(&once);
		buf_clear(&twice);
		buf_clear(&compact);
		generate(&b, 5);
		struct jspan text = {b.data, b.len};
		CHECK_EQ(jtext_indent(text, 0, &once), 0);
		struct jspan shown = {once.data, once.len};
		CHECK(accepts(shown) && jtext_equal(text, shown) && jtext_equal(shown, text));
		CHECK_EQ(jtext_indent(shown, 0, &twice), 0);
		CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
		CHECK_EQ(jtext_compact(shown, &compact), 0);
		struct jspan small = {compact.data, compact.len};
		CHECK(accepts(small) && jtext_equal(small, text));
	}
}

static void printing_minds_the_limit(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(20);

	buf_add_str(&b, "x");
	CHECK_EQ(jtext_indent(S("[[[[[[[1]]]]]]]"), 0, &b), -EFBIG);
	CHECK_STR(b.data, "x");
	CHECK_EQ(jtext_indent(S("\"\x7f\x7f\x7f\x7f\x7f\""), 0, &b), -EFBIG);
	CHECK_STR(b.data, "x");
	CHECK_EQ(jtext_compact(S("[ 1, \"a b\" ]"), &b), 0);
	CHECK_STR(b.data, "x[1,\"a b\"]");
}

/* --- reading --- */

static void members_are_walked(void)
{
	struct jspan object = S(" { \"a\" : [1, \"]\"] , \"b\\n\":{\"c\":\"}\"},\"a\":-2 } ");
	struct jiter it = {0};
	struct jspan key, value;

	CHECK(jtext_next_member(object, &it, &key, &value) && key.n == 1 && value.n == 8);
	CHECK(jtext_next_member(object, &it, &key, &value) && key.n == 3 && value.n == 9);
	CHECK(jtext_next_member(object, &it, &key, &value) && jtext_type(value) == J_NUMBER);
	CHECK(!jtext_next_member(object, &it, &key, &value));
	CHECK(!jtext_next_member(object, &it, &key, &value));
	CHECK(jtext_get(object, "a", &value) && value.n == 2);
	CHECK(jtext_get(object, "b\n", &value) && jtext_type(value) == J_OBJECT);
	CHECK(!jtext_get(object, "c", &value));
	CHECK(!jtext_next_element(object, &(struct jiter){0}, &value));
	CHECK(!jtext_next_member(S("[1]"), &(struct jiter){0}, &key, &value));
}

static void elements_are_walked(void)
{
	struct jspan array = S("[1,[2,[3]],{\"a\":[4]},\"5,\\\"\",null]"), value;
	enum jtype types[] = {J_NUMBER, J_ARRAY, J_OBJECT, J_STRING, J_NULL};
	struct jiter it = {0};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		CHECK(jtext_next_element(array, &it, &value) && jtext_type(value) == types[i]);
	CHECK(!jtext_next_element(array, &it, &value));
	CHECK(!jtext_next_element(S(" [ ] "), &(struct jiter){0}, &value));
}

static void strings_are_read(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(100);

	CHECK_EQ(jtext_unescape(S("\"a\\u00e5\\n\\ud83d\\ude00\\\"\""), &b), 0);
	CHECK_STR(b.data, "a\xc3\xa5\n\xf0\x9f\x98\x80\"");
	CHECK(jtext_is_string(S("\"\\u0061b\""), "ab") && jtext_is_string(S("\"ab\""), "ab"));
	CHECK(!jtext_is_string(S("\"abc\""), "ab") && !jtext_is_string(S("\"a\\u0062\""), "a"));
	CHECK(!jtext_is_string(S("12"), "12"));
}

static void ids_are_plain_integers(void)
{
	uint64_t v = 7;

	CHECK(jtext_to_u64(S("0"), &v) && v == 0);
	CHECK(jtext_to_u64(S("9223372036854775807"), &v) && v == INT64_MAX);
	CHECK(!jtext_to_u64(S("9223372036854775808"), &v));
	CHECK(!jtext_to_u64(S("18446744073709551617"), &v));
	CHECK(!jtext_to_u64(S("-1"), &v) && !jtext_to_u64(S("1.0"), &v) &&
	      !jtext_to_u64(S("1e3"), &v));
	CHECK(!jtext_to_u64(S("\"1\""), &v) && !jtext_to_u64(S("null"), &v));
}

static bool same(const char *a, const char *b)
{
	bool there = jtext_equal(span(a), span(b));

	CHECK_EQ(jtext_equal(span(b), span(a)), there);
	return there;
}

static void numbers_compare_as_decimals(void)
{
	CHECK(same("1250", "1250.0") && same("1250", "1.25e3") && same("1250", "12500E-1"));
	CHECK(same("0", "-0.00e7") && same("0.1", "1e-1") && same("100.010", "1.0001e2"));
	CHECK(same("1e400", "10e399") && same("0.00012", "12e-5"));
	CHECK(!same("0.1", "0.10000000000000000001") && !same("1", "-1") && !same("1", "10"));
	CHECK(!same("9007199254740993", "9007199254740992") && !same("1e400", "1e401"));
	CHECK(!same("1", "\"1\"") && !same("101", "1001") && !same("1.01", "10.1"));
	CHECK(same("1e99999999999999999999", "1e99999999999999999999"));
	CHECK(!same("1e99999999999999999999", "1e99999999999999999998"));
}

static void values_compare(void)
{
	CHECK(same("{\"a\":1,\"b\":[2]}", "{ \"b\":[2.0], \"\\u0061\":1 }"));
	CHECK(!same("{\"a\":1}", "{\"a\":1,\"b\":1}") && !same("{\"a\":1}", "{\"b\":1}"));
	CHECK(same("{\"a\":1,\"a\":2}", "{\"a\":2}") && !same("{\"a\":1,\"a\":2}", "{\"a\":1}"));
	CHECK(same("[1,2]", "[ 1 , 2 ]") && !same("[1,2]", "[2,1]") && !same("[1]", "[1,2]"));
	CHECK(same("\"\\/\\u00e5\"", "\"/\xc3\xa5\"") && !same("\"a\"", "\"A\""));
	CHECK(!same("null", "false") && !same("true", "false") && !same("{}", "[]"));
}

/* A hostile object must not cost the square of its members. */
static void many_members_stay_cheap(void)
{
	CLEANUP(buf_fini) struct buf up = BUF_INIT(64 << 20);
	CLEANUP(buf_fini) struct buf down = BUF_INIT(64 << 20);
	int n = 200000;

	for (int i = 0; i < n; i++) {
		buf_printf(&up, "%s\"m%d\":%d", i ? "," : "{", i, i);
		buf_printf(&down, "%s\"m%d\":%d", i ? "," : "{", n - 1 - i, n - 1 - i);
	}
	buf_add_char(&up, '}');
	buf_add_char(&down, '}');
	CHECK(jtext_equal((struct jspan){up.data, up.len}, (struct jspan){down.data, down.len}));
}

int main(void)
{
	table_is_obeyed();
	limits_hold();
	faults_tell_the_place();
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		every_beginning_is_a_prefix(valid[i]);
	hopeless_texts_are_no_prefix();
	jansson_agrees();
	indent_lays_out();
	indent_shows_characters();
	indent_keeps_the_value();
	printing_minds_the_limit();
	members_are_walked();
	elements_are_walked();
	strings_are_read();
	ids_are_plain_integers();
	numbers_compare_as_decimals();
	values_compare();
	many_members_stay_cheap();
	return check_done("jtext");
}
