# SPDX-License-Identifier: MIT
"""Demo data: names, companies, deals, what they do. Deterministic; each row depends on its id only."""
import random

from crm.model import stamp

FIRST = ("Mara Ola Åsa Jonas Priya Chen Fatima Lucía Tomasz Emma Noah Aïcha Björn Zoë Kenji Olga Samir "
         "Ingrid Mateo Hanna Dmitri Leila Oscar Nadia Pavel Greta Ravi Sofia Anton Yuki").split()
LAST = ("Lind Berg Nakamura Okafor Silva Novák Müller Haddad Kowalski O'Brien Svensson García Patel Li "
        "Dubois Rossi Hansen Petrov Kaya Brown Jensen Weber Sato Costa Moreau Fischer").split()
FIRMS = ("Nordlys Acme Brightwater Pumpworks Halvorsen Kestrel Lumen Marble Quayside Redwood Sable Tidewater "
         "Umbra Vantage Willow Yellowstone Zephyr Cobalt Driftwood Ember").split()
KINDS = "AB Ltd GmbH Inc S.A. Oy BV".split()
CITIES = "Umeå Göteborg Berlin Porto Gdańsk Lyon Oslo Leeds Torino Gent Malmö Kraków".split()
JOBS = "Buyer;Plant manager;Head of procurement;Engineer;CEO;Office manager;Technician".split(";")
THINGS = "Pump order;Valve retrofit;Service contract;Pilot line;Spare parts;Annual framework".split(";")
CALLS = "Call back about pumps;Send offer;Site visit;Follow up;Lunch meeting;Check delivery".split(";")
STAGES = [("Qualified to buy", 20), ("Contact made", 40), ("Presentation scheduled", 60),
          ("Proposal made", 80), ("Appointment scheduled", 90)]
BEGAN = 1_700_000_000
STATUSES = ("open", "open", "open", "won", "lost")


def dice_of(resource, n):
    return random.Random(f"{resource} {n}")


def times(dice):
    made = BEGAN + dice.randrange(30_000_000)
    return {"created_at": stamp(made), "updated_at": stamp(made + dice.randrange(8_000_000))}


def user_id(dice):
    return dice.choice([1, 2, 2, 3, None])


def contact(n, dice):
    first, last = dice.choice(FIRST), dice.choice(LAST)
    mail = f"{first}.{last}".lower().encode("ascii", "ignore").decode().replace("'", "")
    return {"first_name": first, "last_name": last, "email": f"{mail}{n}@example.org",
            "phones": [{"id": n, "number": f"+4670{n:07d}", "type": dice.choice(["work", "mobile"])}],
            "tags": [1] if dice.random() < .2 else [], "user_id": user_id(dice),
            "source_id": dice.choice([1, 2, 3, None]), "job_title": dice.choice(JOBS), "street": None,
            "city": dice.choice(CITIES), "state": None, "postal_code": str(dice.randrange(10_000, 99_999)),
            "country_id": dice.choice([211, 81, 76]), "last_contacted_at": None,
            "cf_region": dice.choice([14, 15, 16, 17, None]),
            "cf_interests": dice.sample([31, 32, 33], dice.randrange(3)), "cf_birthday": None,
            "cf_score": dice.choice([0, 7, 12.5]), "cf_newsletter": dice.random() < .5,
            "cf_nickname": None, "cf_private_email": None, "cf_timezone": "Europe/Stockholm"}


def company(n, dice):
    name = f"{dice.choice(FIRMS)} {dice.choice(LAST)} {dice.choice(KINDS)}"
    return {"name": name, "domain": f"firm{n}.example", "email": f"info@firm{n}.example",
            "industry_id": dice.choice([1, 2, 3]), "parent_company_id": None, "tags": [], "phones": [],
            "user_id": user_id(dice), "source_id": dice.choice([1, 2, None]), "street": None,
            "city": dice.choice(CITIES), "state": None, "postal_code": None, "country_id": 211,
            "cf_employees": dice.randrange(1, 900), "cf_size": dice.choice([41, 42]),
            "cf_certificates": [51] if dice.random() < .3 else [], "cf_website": f"https://firm{n}.example/",
            "cf_about": None}


def deal(n, dice):
    stage = dice.randrange(1, len(STAGES) + 1)
    return {"name": f"{dice.choice(THINGS)} {n}", "pipeline_id": 1, "stage_id": stage,
            "amount": dice.choice([12500.5, 990, 4300, 0, 78000.25]), "expected_close_date": stamp(
                (BEGAN // 86_400 + dice.randrange(700)) * 86_400), "tags": [],
            "status": dice.choice(STATUSES), "lost_reason": None, "user_id": user_id(dice),
            "swatch_color": None, "stage_changed_date": stamp(BEGAN), "board_order": n,
            "cf_demo_at": None, "cf_colour": "#4ade80"}


def activity(n, dice):
    day = stamp(BEGAN + dice.randrange(90) * 86_400)
    return {"title": dice.choice(CALLS), "activity_type_id": dice.choice([1, 2, 3]), "due_date": day,
            "end_date": day[:10], "reminder_minutes_before": 30, "user_id": dice.choice([1, 2]),
            "guests": [], "description": None, "note": "<p>Ask for volumes</p>", "is_completed": False,
            "completed_at": None, "reminded_at": None, "created_by": 1}


def note(n, dice):
    return {"body": f"<p>Met {dice.choice(FIRST)} at the fair: {dice.choice(THINGS).lower()}</p>",
            "user_id": dice.choice([1, 2])}


def call(n, dice):
    return {"body": f"<p>{dice.choice(['No answer', 'Will call back', 'Wants an offer'])}</p>",
            "date": stamp(BEGAN + n * 3_600), "call_outcome_id": dice.choice([1, 2, 3]),
            "user_id": dice.choice([1, 2])}


def product(n, dice):
    return {"name": f"Pump P-{n}", "sku": f"P-{n}", "description": None, "unit_price": 1999, "direct_cost": 0,
            "unit": None, "tax_rate": 25, "tax_label": "VAT", "is_active": True, "created_by": 1,
            "cf_weight": dice.choice([0, 12.125])}


def document(n, dice):
    return {"title": f"Offer {n}", "document_type_id": 1, "status": "draft", "amount": 0,
            "requires_signature": True, "content": f"<p>Offer {n} for {dice.choice(THINGS)}</p>",
            "view_type": "nav-top", "brand_id": 1, "locale": "en", "user_id": 1, "created_by": 1,
            "send_at": None, "accepted_at": None}


MAKERS = {"contacts": contact, "companies": company, "deals": deal, "activities": activity, "notes": note,
          "calls": call, "products": product, "documents": document}


def fill(table, count):
    """Rows are made as generators are: a hundred thousand take a few seconds."""
    maker = MAKERS.get(table.name, lambda n, dice: {"name": f"{table.name} {n}"})
    for _ in range(count):
        n = table.new_id()
        dice = dice_of(table.name, n)
        table.rows[n] = {"id": n, **maker(n, dice), **times(dice)}
        table.ids.append(n)
    table.version += 1


def named(model, resource, names, **more):
    for name in names:
        model.tables[resource].insert({"name": name, **more, "created_at": stamp(BEGAN)})


def lookups(model):
    users = [("Ola Berg", "ola@example.com", True), ("Mara Quist", "mara@example.com", False),
             ("Jonas Frei", "jonas@example.com", False)]
    for name, email, admin in users:
        model.tables["users"].insert({"name": name, "email": email, "super_admin": admin,
                                      "access_api": True, "created_at": stamp(BEGAN)})
    named(model, "pipelines", ["Sales Pipeline", "Service"], flag=None)
    for order, (name, chance) in enumerate(STAGES, 1):
        model.tables["pipeline-stages"].insert({"name": name, "win_probability": chance,
                                                "display_order": order, "pipeline_id": 1,
                                                "created_at": stamp(BEGAN)})
    named(model, "pipeline-stages", ["Booked"], win_probability=50, display_order=1, pipeline_id=2)
    named(model, "sources", ["Web", "Trade fair", "Referral"])
    named(model, "industries", ["Manufacturing", "Shipping", "Food & drink"])
    named(model, "activity-types", ["Call", "Meeting", "Task"], icon="Phone", swatch_color="#9333ea",
          flag=None)
    named(model, "call-outcomes", ["Connected", "No Answer", "Left message"], swatch_color="#f43f5e")
    named(model, "lost-reasons", ["Too expensive", "Went silent"])
    named(model, "document-types", ["Proposal", "Contract"], swatch_color=None, flag=None)
    named(model, "document-templates", ["Plain offer"], content="<p>…</p>")
    model.tags["trade fair"] = {"id": 1, "name": "Trade fair", "swatch_color": "#4ade80",
                                "display_order": 1, "type": "contacts"}


def populate(model, contacts):
    lookups(model)
    shares = {"contacts": 1, "companies": 4, "deals": 2, "activities": 2, "notes": 2, "calls": 4,
              "documents": 10}
    for resource, share in shares.items():
        fill(model.tables[resource], contacts // share)
    fill(model.tables["products"], 40 if contacts else 0)
