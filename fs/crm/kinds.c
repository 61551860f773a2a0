/* SPDX-License-Identifier: MIT */
/*
 * kinds: what Concord 1.6 says of its collections (concord-api.md 2.2 and 3), as data. No state, no
 * lock, any thread.
 *
 * `together` exists because not every PUT is partial: a lookup wants its name every time, an
 * activity's two dates travel as a pair, and a deal's pipeline is refused without a stage (but a
 * stage goes alone, since the pipeline follows from it).
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
		.editable = "name pipeline_id stage_id amount expected_close_date tags status "
			    "lost_reason user_id swatch_color",
		.accepts = "contacts companies billable",
		.readonly = "owner_assigned_date stage_changed_date lost_date won_date",
		.dropped = "time_in_stages falls_behind_expected_close_date board_order "
			   "next_activity_date",
		.together = "pipeline_id>stage_id",
	},
	{
		.name = "activities",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
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
		.editable = "body",
		.accepts = ALL_THREE VIA "task_date",
		.readonly = "user_id user",
		.together = "*body via_resource via_resource_id",
	},
	{
		.name = "calls",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "body date call_outcome_id",
		.accepts = ALL_THREE VIA "task_date",
		.readonly = "user_id user",
		.together = "*via_resource via_resource_id",
	},
	{
		.name = "products",
		.creates = true,
		.updates = true,
		.deletes = true,
		.has_trash = true,
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
		.editable = "name win_probability display_order pipeline_id",
		.together = "*name win_probability display_order pipeline_id",
	},
	{
		.name = "sources",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name",
		.readonly = "flag",
		.together = "*name",
	},
	{
		.name = "industries",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name",
		.together = "*name",
	},
	{
		.name = "activity-types",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name icon swatch_color",
		.readonly = "flag is_primary",
		.together = "*name icon swatch_color",
	},
	{
		.name = "call-outcomes",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name swatch_color",
		.together = "*name swatch_color",
	},
	{
		.name = "lost-reasons",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name",
		.together = "*name",
	},
	{
		.name = "document-types",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name swatch_color visibility_group",
		.readonly = "flag is_primary",
		.together = "*name swatch_color",
	},
	{
		.name = "document-templates",
		.creates = true,
		.updates = true,
		.deletes = true,
		.editable = "name content view_type is_shared",
		.readonly = "user_id user",
		.dropped = "google_fonts",
		.together = "*name content",
	},
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
