# SPDX-License-Identifier: MIT
"""Fields: which members a resource takes, of what type, custom ones included (concord-api.md 3, 4)."""

# type: text html number int bool date datetime email belongs tags phones select multi guests ids enum
# activity-date. A name after ':' is what a belongs-to points to.
BUILT_IN = {
    "contacts": "first_name:text! last_name:text email:email phones:phones tags:tags user_id:belongs:users "
                "source_id:belongs:sources job_title:text street:text city:text state:text "
                "postal_code:text country_id:belongs:countries companies:ids deals:ids",
    "companies": "name:text! domain:text email:email industry_id:belongs:industries "
                 "parent_company_id:belongs:companies tags:tags phones:phones user_id:belongs:users "
                 "source_id:belongs:sources street:text city:text state:text postal_code:text "
                 "country_id:belongs:countries contacts:ids deals:ids",
    "deals": "name:text! pipeline_id:belongs:pipelines stage_id:belongs:pipeline-stages! amount:number "
             "expected_close_date:date status:enum lost_reason:text tags:tags user_id:belongs:users "
             "swatch_color:text contacts:ids companies:ids",
    "activities": "title:text! activity_type_id:belongs:activity-types due_date:activity-date! "
                  "end_date:activity-date reminder_minutes_before:int user_id:belongs:users guests:guests "
                  "description:html note:html is_completed:bool contacts:ids companies:ids deals:ids",
    "notes": "body:html!",
    "calls": "body:html! date:datetime! call_outcome_id:belongs:call-outcomes!",
    "products": "name:text! sku:text description:text unit_price:number! direct_cost:number "
                "tax_rate:number tax_label:text unit:text is_active:bool",
    "documents": "title:text! document_type_id:belongs:document-types requires_signature:bool "
                 "content:html view_type:text brand_id:int user_id:belongs:users locale:text",
    "pipelines": "name:text!", "pipeline-stages": "name:text! win_probability:int! display_order:int! "
    "pipeline_id:belongs:pipelines!", "sources": "name:text!", "industries": "name:text!",
    "activity-types": "name:text! icon:text! swatch_color:text!", "call-outcomes":
    "name:text! swatch_color:text", "lost-reasons": "name:text!", "document-types": "name:text!",
    "document-templates": "name:text! content:html", "users": "name:text! email:email!",
}

REGIONS = [{"id": 14, "name": "North"}, {"id": 15, "name": "South"}, {"id": 16, "name": "East"},
           {"id": 17, "name": "West"}]
INTERESTS = [{"id": 31, "name": "Pumps"}, {"id": 32, "name": "Valves"}, {"id": 33, "name": "Service"}]
CUSTOM = {  # (key, field type, label, options)
    "contacts": [("cf_region", "Select", "Region", REGIONS), ("cf_interests", "MultiSelect", "Interests",
                 INTERESTS), ("cf_birthday", "Date", "Birthday", None), ("cf_score", "Numeric", "Score", None),
                 ("cf_newsletter", "Boolean", "Newsletter", None), ("cf_nickname", "Text", "Nickname", None),
                 ("cf_private_email", "Email", "Private e-mail", None),
                 ("cf_timezone", "Timezone", "Time zone", None)],
    "companies": [("cf_employees", "Number", "Employees", None), ("cf_size", "Radio", "Size",
                  [{"id": 41, "name": "Small"}, {"id": 42, "name": "Large"}]),
                  ("cf_certificates", "Checkbox", "Certificates", [{"id": 51, "name": "ISO 9001"},
                   {"id": 52, "name": "ISO 14001"}]), ("cf_website", "Url", "Website", None),
                  ("cf_about", "Textarea", "About", None)],
    "deals": [("cf_demo_at", "DateTime", "Demo at", None), ("cf_colour", "ColorSwatch", "Colour", None)],
    "products": [("cf_weight", "Numeric", "Weight", None)],
}
OPTION_TYPES = {"Select", "Radio", "MultiSelect", "Checkbox"}
MULTI_TYPES = {"MultiSelect", "Checkbox"}


class Field:
    def __init__(self, key, kind, target=None, required=False):
        self.key, self.kind, self.target, self.required = key, kind, target, required


def built_in(resource):
    for word in BUILT_IN[resource].split():
        required = word.endswith("!")
        key, kind, *target = word.rstrip("!").split(":")
        yield Field(key, kind, target[0] if target else None, required)


class Fields:
    """The fields of a server: the options of its custom fields can grow."""

    def __init__(self):
        self.options = {(r, key): [dict(o, swatch_color=None) for o in options]
                        for r, fields in CUSTOM.items() for key, _, _, options in fields if options}
        self.built_in = {r: list(built_in(r)) for r in BUILT_IN}
        self.custom = {r: CUSTOM.get(r, []) for r in BUILT_IN}
        self.next_option = 900

    def option(self, resource, key, value):
        """By id, or by label in any case. A stranger becomes a new option, as Concord has it."""
        options = self.options[resource, key]
        for o in options:
            if o["id"] == value or (isinstance(value, str) and o["name"].lower() == value.lower()):
                return o
        self.next_option += 1
        options.append({"id": self.next_option, "name": str(value), "swatch_color": None})
        return options[-1]

    def metadata(self, resource):
        rows = [{"component": f"{f.kind}-field", "attribute": f.key, "label": label_of(f.key),
                 "helpText": None, "readonly": False, "isRequired": f.required, "isUnique": False,
                 "value": None, "customField": None} for f in self.built_in[resource]]
        for n, (key, kind, label, _) in enumerate(self.custom[resource], 1):
            options = self.options.get((resource, key), [])
            rows.append({"component": f"{kind.lower()}-field", "attribute": key, "label": label,
                         "helpText": None, "readonly": False, "isRequired": False, "isUnique": False,
                         "value": None, "valueKey": "id", "labelKey": "name", "options": options,
                         "customField": {"id": n, "field_type": kind, "resource_name": resource,
                                         "field_id": key, "label": label, "is_unique": None,
                                         "options": options}})
        return rows


def label_of(key):
    return key.removesuffix("_id").replace("_", " ").capitalize()
