# SPDX-License-Identifier: MIT
"""Fields: which members a resource has, of what type, custom ones included (concord-api.md 3, 4)."""

# A word is key:type[:target][!]. `!` is required on creation. `ro` is never written; `ro0` reads 0,
# `rol` reads []. `ids` are links and no columns.
SPEC = {
    "contacts": "first_name:text! last_name:text email:email phones:phones tags:tags user_id:belongs:users "
                "source_id:belongs:sources owner_assigned_date:ro job_title:text street:text city:text "
                "state:text postal_code:text country_id:belongs:countries last_contacted_at:ro "
                "companies:ids deals:ids",
    "companies": "name:text! domain:text email:email industry_id:belongs:industries tags:tags "
                 "phones:phones user_id:belongs:users source_id:belongs:sources "
                 "parent_company_id:belongs:companies street:text city:text state:text postal_code:text "
                 "country_id:belongs:countries owner_assigned_date:ro contacts:ids deals:ids",
    "deals": "name:text! pipeline_id:belongs:pipelines stage_id:belongs:pipeline-stages! amount:number "
             "expected_close_date:date tags:tags status:status lost_reason:text lost_date:ro won_date:ro "
             "user_id:belongs:users swatch_color:color owner_assigned_date:ro stage_changed_date:ro "
             "board_order:ro0 billable:billable contacts:ids companies:ids",
    "activities": "title:text! activity_type_id:belongs:activity-types due_date:when! end_date:when "
                  "reminder_minutes_before:reminder user_id:belongs:users guests:guests description:html "
                  "note:html owner_assigned_date:ro reminded_at:ro is_completed:bool completed_at:ro "
                  "created_by:ro contacts:ids companies:ids deals:ids",
    "notes": "body:html! user_id:ro contacts:ids companies:ids deals:ids",
    "calls": "body:html! date:datetime! call_outcome_id:belongs:call-outcomes! user_id:ro contacts:ids "
             "companies:ids deals:ids",
    "products": "created_by:ro name:text! sku:text description:html unit_price:number! direct_cost:number "
                "unit:text tax_rate:number tax_label:text is_active:bool",
    "documents": "title:text! document_type_id:belongs:document-types status:ro amount:ro0 "
                 "requires_signature:bool content:html view_type:text brand_id:belongs:brands! send_at:ro "
                 "original_date_sent:ro last_date_sent:ro accepted_at:ro marked_accepted_by:ro locale:text "
                 "created_by:ro user_id:belongs:users! owner_assigned_date:ro signers:rol recipients:rol "
                 "send_mail_account_id:ro send_mail_subject:ro send_mail_body:ro google_fonts:rol "
                 "changelog:rol contacts:ids companies:ids deals:ids",
    "users": "name:text! email:email! timezone:text! time_format:text! date_format:text! locale:text "
             "super_admin:bool access_api:bool mail_signature:html default_landing_page:text",
    "pipelines": "name:text! flag:ro",
    "pipeline-stages": "name:text! win_probability:int! display_order:int! pipeline_id:belongs:pipelines!",
    "sources": "name:text! flag:ro", "industries": "name:text!", "lost-reasons": "name:text!",
    "activity-types": "name:text! icon:text! swatch_color:color! flag:ro",
    "call-outcomes": "name:text! swatch_color:color",
    "document-types": "name:text! swatch_color:color flag:ro",
    "document-templates": "name:text! content:html view_type:text",
}
COUNTRIES = {14: "Austria", 21: "Belgium", 57: "Denmark", 72: "Finland", 73: "France", 81: "Germany",
             105: "Italy", 150: "Netherlands", 160: "Norway", 171: "Poland", 172: "Portugal", 195: "Spain",
             211: "Sweden", 212: "Switzerland", 230: "United Kingdom", 231: "United States"}
BRANDS = {1: "Main"}
OPTION_TYPES = {"Select", "Radio", "MultiSelect", "Checkbox"}
MULTI_TYPES = {"MultiSelect", "Checkbox"}
CUSTOM = {  # (key, field type, label, [(option id, name)])
    "contacts": [
        ("cf_region", "Select", "Region", [(14, "North"), (15, "South"), (16, "East"), (17, "West")]),
        ("cf_interests", "MultiSelect", "Interests",
         [(31, "Pumps"), (32, "Valves"), (33, "Service"), (34, "Rental")]),
        ("cf_birthday", "Date", "Birthday", None), ("cf_score", "Numeric", "Score", None),
        ("cf_newsletter", "Boolean", "Newsletter", None), ("cf_nickname", "Text", "Nickname", None),
        ("cf_private_email", "Email", "Private e-mail", None),
        ("cf_timezone", "Timezone", "Time zone", None)],
    "companies": [
        ("cf_employees", "Number", "Employees", None),
        ("cf_size", "Radio", "Size", [(41, "Small"), (42, "Medium"), (43, "Large")]),
        ("cf_certificates", "Checkbox", "Certificates",
         [(51, "ISO 9001"), (52, "ISO 14001"), (53, "ISO 45001")]),
        ("cf_website", "Url", "Website", None), ("cf_about", "Textarea", "About", None)],
    "deals": [("cf_demo_at", "DateTime", "Demo at", None), ("cf_colour", "ColorSwatch", "Colour", None)],
    "products": [("cf_weight", "Numeric", "Weight", None)],
}
EMPTY = {"number": 0, "ro0": 0, "bool": False, "tags": [], "phones": [], "guests": [], "rol": []}
CUSTOM_EMPTY = {"Numeric": 0, "Boolean": False, "MultiSelect": [], "Checkbox": []}
FIRST_NEW_OPTION = 900


class Field:
    def __init__(self, word):
        self.required = word.endswith("!")
        self.key, self.type, *target = word.rstrip("!").split(":")
        self.target = target[0] if target else None
        self.label = self.key.removesuffix("_id").replace("_", " ")


class Custom:
    def __init__(self, number, kind, key, kind_of_field, label, options):
        self.id, self.kind, self.key, self.type, self.label = number, kind, key, kind_of_field, label
        self.options = [option(i, name) for i, name in options] if options else None

    @property
    def is_multi(self):
        return self.type in MULTI_TYPES


def option(number, name):
    return {"id": number, "name": name, "swatch_color": None}


class Fields:
    """The fields of one server: the options of its custom fields can grow."""

    def __init__(self):
        self.built_in = {kind: [Field(w) for w in words.split()] for kind, words in SPEC.items()}
        self.custom, number = {}, 0
        for kind in SPEC:
            self.custom[kind] = []
            for definition in CUSTOM.get(kind, []):
                number += 1
                self.custom[kind].append(Custom(number, kind, *definition))
        self.next_option = FIRST_NEW_OPTION

    def blank(self, kind):
        """A row with every column, in field order."""
        row = {f.key: empty(EMPTY, f.type) for f in self.built_in[kind] if f.type not in ("ids", "billable")}
        row.update((c.key, empty(CUSTOM_EMPTY, c.type)) for c in self.custom[kind])
        if kind == "deals":
            row["status"] = "open"
        return row

    def columns(self, kind):
        """What a list can be ordered by."""
        plain = {f.key for f in self.built_in[kind]
                 if f.type not in ("ids", "tags", "phones", "guests", "billable", "rol")}
        return plain | {c.key for c in self.custom[kind] if not c.is_multi} | {"id", "created_at", "updated_at"}

    def option(self, custom, value):
        """By id, or by label in any case. A stranger becomes a new option, as Concord has it."""
        for known in custom.options:
            if known["id"] == value or str(known["id"]) == value or (
                    isinstance(value, str) and known["name"].lower() == value.lower()):
                return known["id"]
        self.next_option += 1
        custom.options.append(option(self.next_option, str(value)))
        return self.next_option


def empty(table, type_name):
    value = table.get(type_name)
    return list(value) if isinstance(value, list) else value


COMPONENTS = {"belongs": "select", "html": "editor", "number": "numeric", "int": "numeric", "bool": "boolean",
              "when": "date-time", "datetime": "date-time", "ids": "select-multiple", "color": "color-swatch",
              "phones": "phone", "status": "select", "reminder": "reminder"}
CUSTOM_COMPONENTS = {"MultiSelect": "multi-select", "DateTime": "date-time", "ColorSwatch": "color-swatch"}


def metadata(model, fields, kind):
    """The bare array of create-fields, index-fields and their like."""
    return ([built_in_item(model, f) for f in fields.built_in[kind]] +
            [custom_item(c) for c in fields.custom[kind]])


def item(component, key, label, **more):
    base = {"component": f"{component}-field", "attribute": key, "label": label, "helpText": None,
            "readonly": False, "isRequired": False, "isUnique": False, "showOnIndex": True,
            "showOnCreation": True, "showOnUpdate": True, "showOnDetail": True,
            "applicableForIndex": True, "applicableForCreation": True, "applicableForUpdate": True,
            "value": None, "customField": None}
    return {**base, **more}


def built_in_item(model, field):
    more = {"readonly": field.type.startswith("ro"), "isRequired": field.required,
            "isUnique": field.type == "email"}
    if field.type == "belongs":
        more |= {"options": choices(model, field.target), "valueKey": "id", "labelKey": "name",
                 "belongsToRelation": field.label.replace(" ", ""),
                 "acceptLabelAsValue": field.target in ("sources", "industries", "pipelines")}
    label = field.label.capitalize()
    return item(COMPONENTS.get(field.type, field.type), field.key, label, **more)


def choices(model, target):
    if target in ("countries", "brands"):
        return [{"id": i, "name": n} for i, n in (COUNTRIES if target == "countries" else BRANDS).items()]
    if target == "companies":
        return []  # looked up by search, not listed
    return [{"id": r["id"], "name": r["name"]} for r in model.tables[target].rows.values()]


def custom_item(custom):
    more, inside = {}, []
    if custom.options is not None:
        more = {"options": custom.options, "valueKey": "id", "labelKey": "name", "acceptLabelAsValue": True}
        inside = [{"id": o["id"], "custom_field_id": custom.id, "name": o["name"], "display_order": n,
                   "swatch_color": None} for n, o in enumerate(custom.options, 1)]
    return item(CUSTOM_COMPONENTS.get(custom.type, custom.type.lower()), custom.key, custom.label, **more,
                customField={"id": custom.id, "field_type": custom.type, "resource_name": custom.kind,
                             "field_id": custom.key, "label": custom.label, "options": inside,
                             "is_unique": None})
