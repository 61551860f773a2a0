/* SPDX-License-Identifier: MIT */
/* Which names are records, may become some, or stay local (design 1.1, 1.4). */
#include "check.h"

#include <stdint.h>
#include <string.h>

#include "tree/name.h"

static void check_class(const char *name, enum name_class wanted)
{
	uint64_t id = 0;

	CHECK_EQ(name_classify(name, &id), wanted);
}

static void test_records_have_canonical_ids(void)
{
	uint64_t id = 0;

	CHECK_EQ(name_classify("41.json", &id), NAME_RECORD);
	CHECK_EQ(id, 41);
	CHECK_EQ(name_classify("9223372036854775807.json", &id), NAME_RECORD);
	CHECK_EQ(id, INT64_MAX);
	check_class("9223372036854775808.json", NAME_NUMBER);
	check_class("99999999999999999999.json", NAME_NUMBER);
	check_class("0.json", NAME_NUMBER);
	check_class("041.json", NAME_NUMBER);
}

static void test_editors_names_stay_local(void)
{
	static const char *const local[] = {".41.json.swp", "4913",	 "41.json~",  "#41.json#",
					    ".#41.json",    ".json",	 "41",	      "41.jsonx",
					    "sedAbCdEf",    ".hid.json", "notes.txt", "41.JSON"};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		check_class(local[i], NAME_LOCAL);
}

static void test_other_visible_json_may_become_a_record(void)
{
	check_class("new-lead.json", NAME_NEW);
	check_class("41a.json", NAME_NEW);
	check_class("-1.json", NAME_NEW);
	check_class("4 1.json", NAME_NEW);
	check_class("a.b.json", NAME_NEW);
}

static void test_a_records_name_is_the_way_back(void)
{
	char name[NAME_RECORD_MAX];
	uint64_t id;
	static const uint64_t ids[] = {1, 41, 1ull << 48, INT64_MAX};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		name_of_record(ids[i], name);
		CHECK_EQ(name_classify(name, &id), NAME_RECORD);
		CHECK_EQ(id, ids[i]);
	}
}

int main(void)
{
	test_records_have_canonical_ids();
	test_editors_names_stay_local();
	test_other_visible_json_may_become_a_record();
	test_a_records_name_is_the_way_back();
	return check_done("name");
}
