/* SPDX-License-Identifier: MIT */
/*
 * kinds: what Concord 1.6 says of its collections (concord-api.md 2.2 and 3), as data. No state, no
 * lock, any thread.
 *
 * `together` exists because not every PUT is partial: a lookup wants its name every time, and an
 * activity's two dates travel as a pair. The slots hold for all kinds: a name means the same
 * wherever it stands.
 */
#include "crm/kinds.h"

#include <string.h>

#define VIA "via_resource via_resource_id associations "
#define ALL_THREE "contacts companies deals "

const struct kind kinds[] = {
	{
		.name = "contacts",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.has_page = true,
		.required = "first_name",
		.editable = "first_name last_name email phones tags user_id source_id job_title "
			    "street city state postal_code country_id",
		.accepts = "companies deals",
		.readonly = "owner_assigned_date last_contacted_at",
		.dropped = "contact next_activity_date",
	},
	{
		.name = "companies",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.has_page = true,
		.required = "name",
		.editable = "name domain email industry_id phones tags user_id source_id "
			    "parent_company_id street city state postal_code country_id",
		.accepts = "contacts deals",
		.readonly = "owner_assigned_date",
		.dropped = "parents next_activity_date",
	},
	{
		.name = "deals",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.has_page = true,
		.required = "name stage_id",
		.editable = "name pipeline_id stage_id amount expected_close_date tags status "
			    "lost_reason user_id swatch_color",
		.accepts = "contacts companies billable",
		.readonly = "owner_assigned_date stage_changed_date lost_date won_date",
		.dropped = "time_in_stages falls_behind_expected_close_date board_order "
			   "next_activity_date",
	},
	{
		.name = "activities",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.required = "title due_date",
		.editable = "title activity_type_id due_date end_date reminder_minutes_before "
			    "user_id guests description note is_completed",
		.accepts = ALL_THREE,
		.readonly = "owner_assigned_date completed_at reminded_at created_by creator",
		.dropped = "is_due is_reminded",
		.together = "due_date end_date",
	},
	{
		.name = "notes",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "body via_resource via_resource_id",
		.editable = "body",
		.accepts = ALL_THREE VIA "task_date",
		.readonly = "user_id user",
		.together = "*body",
	},
	{
		.name = "calls",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "body date call_outcome_id",
		.editable = "body date call_outcome_id",
		.accepts = ALL_THREE VIA "task_date",
		.readonly = "user_id user",
	},
	{
		.name = "products",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.required = "name unit_price",
		.editable = "name sku description unit_price direct_cost unit tax_rate tax_label "
			    "is_active",
		.readonly = "created_by creator",
	},
	{
		.name = "documents",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
		.required = "title brand_id user_id document_type_id",
		.editable = "title document_type_id requires_signature content view_type "
			    "brand_id locale user_id send_at send_mail_account_id "
			    "send_mail_subject send_mail_body",
		.accepts = ALL_THREE "billable",
		.readonly = "status amount original_date_sent last_date_sent accepted_at "
			    "marked_accepted_by created_by creator owner_assigned_date "
			    "public_url signers recipients",
		.dropped = "pdf google_fonts",
	},
	{
		.name = "users",
		.readonly = "name email timezone locale mail_signature teams super_admin "
			    "access_api time_format date_format default_landing_page permissions "
			    "roles",
		.dropped = "dashboards",
		.embeds = (const struct embed[]){{"teams", "id name"}, {"roles", "id name"}, {0}},
	},
	{
		.name = "pipelines",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name visibility_group",
		.accepts = "stages",
		.readonly = "flag is_primary",
		.dropped = "stages", /* a single record has them and a list item may not */
		.together = "*name",
	},
	{
		.name = "pipeline-stages",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name win_probability display_order pipeline_id",
		.editable = "name win_probability display_order pipeline_id",
		.together = "*name win_probability display_order pipeline_id",
	},
	{
		.name = "sources",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name",
		.readonly = "flag",
		.together = "*name",
	},
	{
		.name = "industries",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name",
		.together = "*name",
	},
	{
		.name = "activity-types",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name icon swatch_color",
		.editable = "name icon swatch_color",
		.readonly = "flag is_primary",
		.together = "*name icon swatch_color",
	},
	{
		.name = "call-outcomes",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name swatch_color",
		.together = "*name swatch_color",
	},
	{
		.name = "lost-reasons",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name",
		.together = "*name",
	},
	{
		.name = "document-types",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name swatch_color visibility_group",
		.readonly = "flag is_primary",
		.together = "*name swatch_color",
	},
	{
		.name = "document-templates",
		.creates = true,
		.updates = true,
		.deletes = true,
		.required = "name",
		.editable = "name content view_type is_shared",
		.readonly = "user_id user",
		.dropped = "google_fonts",
		.together = "*name content",
	},
};

static const struct slot links[] = {
	{"user_id", FORM_LINK, "user", "users", false},
	{"source_id", FORM_LINK, "source", "sources", true},
	{"stage_id", FORM_LINK, "stage", "pipeline-stages", false},
	{"pipeline_id", FORM_LINK, "pipeline", "pipelines", true},
	{"country_id", FORM_LINK, "country", NULL, false},
	{"industry_id", FORM_LINK, "industry", "industries", true},
	{"brand_id", FORM_LINK, "brand", NULL, false},
	{"activity_type_id", FORM_LINK, "type", "activity-types", false},
	{"document_type_id", FORM_LINK, "type", "document-types", false},
	{"call_outcome_id", FORM_LINK, "outcome", "call-outcomes", false},
	{"parent_company_id", FORM_LINK, "parent", NULL, false},
};

static const struct {
	enum form_type form;
	const char *members;
} forms[] = {
	{FORM_TEXT,
	 "first_name last_name email job_title street city state postal_code domain name "
	 "title lost_reason sku unit tax_label icon locale view_type "
	 "send_mail_subject"},
	{FORM_HTML, "body description note content send_mail_body"},
	{FORM_NUMBER, "amount unit_price direct_cost tax_rate win_probability"},
	{FORM_INTEGER, "reminder_minutes_before display_order"},
	{FORM_BOOLEAN, "is_completed is_active requires_signature is_shared"},
	{FORM_DATE, "expected_close_date"},
	{FORM_DATETIME, "date"},
	{FORM_WHEN, "due_date end_date"},
	{FORM_COLOR, "swatch_color"},
	{FORM_STATUS, "status"},
	{FORM_TAGS, "tags"},
	{FORM_PHONES, "phones"},
	{FORM_GUESTS, "guests"},
	{FORM_RECORDS, ALL_THREE},
	{FORM_ASSOCIATIONS, "associations"},
};

const size_t kinds_count = sizeof(kinds) / sizeof(kinds[0]);

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < kinds_count; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool kinds_has_word(const char *list, const char *word, size_t n)
{
	while (list && *list) {
		size_t len = strcspn(list, " ");
		if (len == n && n && memcmp(list, word, n) == 0)
			return true;
		list += len;
		list += strspn(list, " ");
	}
	return false;
}

static bool is_word(const char *word, const char *name, size_t n)
{
	return strlen(word) == n && memcmp(word, name, n) == 0;
}

struct slot kinds_slot(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (is_word(links[i].member, name, n))
			return links[i];
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (kinds_has_word(forms[i].members, name, n))
			return (struct slot){.form = forms[i].form};
	}
	bool is_custom = n > 3 && memcmp(name, "cf_", 3) == 0;
	return (struct slot){.form = is_custom ? FORM_CUSTOM : FORM_ANY};
}

const struct slot *kinds_link(const struct kind *k, const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const char *id = links[i].member;
		if (is_word(links[i].embed, name, n) && kinds_has_word(k->editable, id, strlen(id)))
			return &links[i];
	}
	return NULL;
}
