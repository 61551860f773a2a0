/* SPDX-License-Identifier: MIT */
/* judge_deal: a deal's pipeline and its stage, which only make sense together. No state, no lock, any
 * thread. */
#include "crm/canon.h"
#include "crm/judge.h"
#include "crm/resolve.h"

static const char *list_stages(struct work *w, uint64_t pipeline, char *out, size_t size, int *err)
{
	const struct choices *stages;

	*out = '\0';
	w->form.slot = kinds_slot("stage_id", 8);
	*err = resolve_choices(&w->form, &stages);
	if (*err == 0 && stages && pipeline)
		choices_print(stages, pipeline, out, size);
	return out;
}

/* The stored pipeline follows from the stage, so another pipeline without one of its stages would
 * move nothing. */
static int check_pipeline(struct work *w, const struct member *at)
{
	struct jspan pipeline = judge_part(w, "pipeline_id"), stage = judge_part(w, "stage_id");
	const struct choices *stages;
	uint64_t of = 0, id = 0;
	char list[1400];
	int err;

	if (!pipeline.n || !at)
		return 0;
	jtext_to_u64(pipeline, &of);
	list_stages(w, of, list, sizeof(list), &err);
	if (err < 0)
		return judge_settle(w, err);
	resolve_choices(&w->form, &stages);
	const struct choice *c =
		stages && jtext_to_u64(stage, &id) ? choices_by_id(stages, id) : NULL;
	if (stage.n && (!c || !c->of || c->of == of))
		return 0;
	judge_name(&w->form, at->name, at->name_len);
	w->form.value = at->value;
	if (stages)
		w->form.out->doubts.lookup = "pipeline-stages";
	return judge_settle(w, form_refuse(&w->form, at->value.p, "", "%s%s%s",
					   stage.n ? "has not the stage that is asked for"
						   : "needs a stage of that pipeline beside it",
					   list[0] ? ": " : "", list));
}

int judge_deal(struct work *w)
{
	struct slot pipeline = kinds_slot("pipeline_id", 11), stage = kinds_slot("stage_id", 8);
	const struct member *id = members_find(&w->mine, "pipeline_id", 11);
	const struct member *embed = members_find(&w->mine, "pipeline", 8);
	struct pick pick;
	int err = judge_link(w, &pipeline);

	const struct part *asked = judge_find_part(w, "pipeline_id", 11);
	struct jspan of = asked ? judge_part(w, "pipeline_id") : judge_link_in(&w->now, &pipeline);
	size_t refused = w->refused;
	w->form.pipeline = of.n && pick_read(of, &pick) && pick.has_id ? pick.id : 0;
	if (err == 0)
		err = judge_link(w, &stage);
	if (err < 0 || refused != w->refused || w->is_short)
		return err;
	return check_pipeline(w, embed && asked && asked->at == embed->value.p ? embed : id);
}
