/* SPDX-License-Identifier: MIT */
/* kinds: the table names what the API has, and its words are found as words. */
#include "crm/kinds.h"

#include "check.h"

static bool has(const char *list, const char *word)
{
	return kinds_has_word(list, word, strlen(word));
}

static void words_are_whole(void)
{
	CHECK(has("a bc def", "a") && has("a bc def", "bc") && has("a bc def", "def"));
	CHECK(!has("a bc def", "b") && !has("a bc def", "de") && !has("a bc def", "a bc"));
	CHECK(!has("a bc", "") && !has("", "a") && !has(NULL, "a") && !has("a  b ", ""));
	CHECK(has("a  b ", "b"));
}

static void every_collection_is_found(void)
{
	static const char *const names[] = {
		"contacts",	"companies",	   "deals",
		"activities",	"notes",	   "calls",
		"products",	"documents",	   "users",
		"pipelines",	"pipeline-stages", "sources",
		"industries",	"activity-types",  "call-outcomes",
		"lost-reasons", "document-types",  "document-templates",
	};

	CHECK_EQ((long long)kinds_count, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct kind *k = kind_find(names[i]);
		CHECK(k && k == &kinds[i]);
		CHECK(k && strcmp(k->name, names[i]) == 0);
	}
	CHECK(!kind_find("contact") && !kind_find("") && !kind_find("contacts/"));
}

static void trash_is_where_deletion_is_soft(void)
{
	CHECK(kind_find("contacts")->has_trash && kind_find("documents")->has_trash);
	CHECK(!kind_find("notes")->has_trash && !kind_find("calls")->has_trash);
	CHECK(!kind_find("users")->has_trash && !kind_find("users")->updates);
}

static void no_word_is_in_two_lists(void)
{
	for (size_t i = 0; i < kinds_count; i++) {
		const struct kind *k = &kinds[i];
		for (const char *p = k->editable; p && *p; p += strspn(p, " ")) {
			size_t n = strcspn(p, " ");
			CHECK(!kinds_has_word(k->dropped, p, n));
			CHECK(!kinds_has_word(k->readonly, p, n));
			CHECK(!kinds_has_word(k->accepts, p, n));
			p += n;
		}
	}
}

int main(void)
{
	words_are_whole();
	every_collection_is_found();
	trash_is_where_deletion_is_soft();
	no_word_is_in_two_lists();
	return check_done("kinds");
}
