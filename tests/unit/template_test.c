/* SPDX-License-Identifier: MIT */
/* template: what is required comes first and is "", the rest is null; what is not told is left out. */
#include "crm/template.h"

#include <stdlib.h>

#include "check.h"

static const char told[] =
	"[{\"attribute\": \"email\", \"label\": \"E-mail\", \"readonly\": true},"
	" {\"attribute\": \"city\", \"label\": \"City\", \"isRequired\": true},"
	" {\"attribute\": \"cf_must\", \"label\": \"Must\\nbe `so`\", \"isRequired\": true,"
	"  \"customField\": {\"field_type\": \"Select\", \"options\": [{\"id\": 14, \"name\": "
	"\"North\"}]}},"
	" {\"attribute\": \"cf_ro\", \"readonly\": true, \"customField\": {\"field_type\": "
	"\"Text\"}},"
	" {\"attribute\": \"cf_day\", \"customField\": {\"field_type\": \"Date\"}}]";

static char *write_with(int (*write)(const struct kind *, const struct fields *, struct buf *),
			const char *kind, const struct fields *fields)
{
	struct buf out = BUF_INIT(1 << 20);

	CHECK_EQ(write(kind_find(kind), fields, &out), 0);
	return buf_steal(&out);
}

static void test_the_object(void)
{
	struct fields *fields = NULL;
	CHECK_EQ(fields_read((struct jspan){told, sizeof(told) - 1}, &fields), 0);
	char *with = write_with(template_write, "contacts", fields);
	char *without = write_with(template_write, "contacts", NULL);

	CHECK(strstr(with, "{\n  \"first_name\": \"\",\n  \"city\": \"\",\n  \"cf_must\": \"\",\n"
			   "  \"last_name\": null,\n") == with);
	CHECK(strstr(with, "\"cf_day\": null") && !strstr(with, "cf_ro") && !strstr(with, "email"));
	CHECK(strstr(without, "\"email\": null") && !strstr(without, "cf_"));
	CHECK(strcmp(without + strlen(without) - strlen("  \"deals\": null\n}\n"),
		     "  \"deals\": null\n}\n") == 0);
	free(with);
	free(without);
	fields_free(fields);
}

static void test_the_words(void)
{
	struct fields *fields = NULL, *none = fields_none();
	CHECK_EQ(fields_read((struct jspan){told, sizeof(told) - 1}, &fields), 0);
	char *with = write_with(template_explain, "contacts", fields);
	char *without = write_with(template_explain, "contacts", none);

	CHECK(strstr(with, "- `cf_must` (Must be `so`), required: one of these") != NULL);
	CHECK(strstr(with, "\n    - North: 14\n") && strstr(with, "- `cf_day`: a day"));
	CHECK(!strstr(with, "does not tell") && strstr(without, "does not tell its fields"));
	free(with);
	free(without);
	fields_free(fields);
	fields_free(none);
}

static void test_every_collection_has_one(void)
{
	for (size_t i = 0; i < kinds_count; i++) {
		struct jfault fault;
		char *text = write_with(template_write, kinds[i].name, NULL);
		CHECK_EQ(jtext_check((struct jspan){text, strlen(text)}, &fault), 0);
		CHECK(!kinds[i].creates || strstr(text, ": \"\""));
		free(text);
	}
}

int main(void)
{
	test_the_object();
	test_the_words();
	test_every_collection_has_one();
	return check_done("template");
}
