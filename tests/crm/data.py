# SPDX-License-Identifier: MIT
"""The demo's records. The same seed gives the same records; what is filled later depends on its ids too."""
import gc
import random
import unicodedata

from crm import words
from crm.model import SUBJECTS, stamp

BEGAN = 1_704_067_200  # 2024-01-01
DAY = 86_400
GAP_EVERY = 29  # ids that were used and deleted once
SHARES = {"companies": 4, "deals": 2, "activities": 2, "notes": 2, "calls": 4, "documents": 10}
LEAST = {"companies": 4, "deals": 5, "activities": 4, "notes": 3, "calls": 3, "documents": 2}
PRODUCTS = 40
USERS = (("Ola Berg", "ola@example.com", True, True), ("Mara Quist", "mara@example.com", False, True),
         ("Jonas Frei", "jonas@example.com", False, False))
OWNERS = (1, 2, 2, 3, None)
TYPES = ("Call", "Meeting", "Task", "Email", "Deadline")
OUTCOMES = ("Connected", "No Answer", "Left Message", "Wrong Number")


def ascii_of(name):
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())


PEOPLE = [(n, ascii_of(n)) for n in words.FIRST], [(n, ascii_of(n)) for n in words.LAST]


class Dice:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def one_of(self, things):
        return things[int(self.random() * len(things))]

    def below(self, n):
        return int(self.random() * n)

    def some_of(self, things):
        return [t for t in things if self.random() < .35]


class Demo:
    def __init__(self, model, fields, seed):
        self.model, self.fields, self.seed = model, fields, seed
        self.makers = {"contacts": self.contact, "companies": self.company, "deals": self.deal,
                       "activities": self.activity, "notes": self.note, "calls": self.call,
                       "products": self.product, "documents": self.document}

    # Rows: (id, dice) -> members

    def place(self, dice):
        city, code, country = dice.one_of(words.PLACES)
        return {"street": f"{dice.one_of(words.STREETS)} {1 + dice.below(120)}", "city": city, "state": None,
                "postal_code": code, "country_id": country}

    def phone(self, n, dice):
        return {"id": next(self.model.phone_numbers), "number": f"+4670{n:07d}",
                "type": dice.one_of(("work", "mobile", "other"))}

    def contact(self, n, dice):
        (first, plain_first), (last, plain_last) = dice.one_of(PEOPLE[0]), dice.one_of(PEOPLE[1])
        mail = f"{plain_first}.{plain_last}{n}@example.org"
        return {"first_name": first, "last_name": last, "email": mail if dice.random() < .95 else None,
                "phones": [self.phone(n, dice)], "tags": [1 + dice.below(3)] if dice.random() < .25 else [],
                "user_id": dice.one_of(OWNERS), "source_id": dice.one_of((1, 2, 3, 4, None)),
                "job_title": dice.one_of(words.JOBS), **self.place(dice),
                "cf_region": dice.one_of((14, 15, 16, 17, None)), "cf_interests": dice.some_of((31, 32, 33, 34)),
                "cf_birthday": stamp((dice.below(14_000) - 2_000) * DAY) if dice.random() < .5 else None,
                "cf_score": dice.one_of((0, 7, 12.5, 88.125)), "cf_newsletter": dice.random() < .5,
                "cf_nickname": plain_first[:3].capitalize() if dice.random() < .2 else None,
                "cf_private_email": f"{plain_last}{n}@mail.example" if dice.random() < .2 else None,
                "cf_timezone": dice.one_of(("Europe/Stockholm", "Europe/Berlin", "Europe/London", None))}

    def company(self, n, dice):
        firm = dice.one_of(words.FIRMS)
        domain = f"{firm.lower()}{n}.example"
        return {"name": f"{firm} {dice.one_of(words.TRADES)} {dice.one_of(words.FORMS)}", "domain": domain,
                "email": f"info@{domain}", "industry_id": dice.one_of((1, 2, 3, 4, 5)),
                "tags": [1] if dice.random() < .15 else [], "user_id": dice.one_of(OWNERS),
                "source_id": dice.one_of((1, 2, 3, None)), **self.place(dice),
                "cf_employees": 3 + dice.below(900), "cf_size": dice.one_of((41, 42, 43)),
                "cf_certificates": dice.some_of((51, 52, 53)), "cf_website": f"https://www.{domain}/",
                "cf_about": f"{firm} has been a customer since {1990 + dice.below(34)}.\nPays on time."
                if dice.random() < .5 else None}

    def deal(self, n, dice):
        status = dice.one_of(("open", "open", "open", "won", "lost"))
        closed = stamp(BEGAN + 500 * DAY + dice.below(100 * DAY))
        stage = 1 + dice.below(len(words.STAGES)) if status == "open" else len(words.STAGES)
        return {"name": f"{dice.one_of(words.THINGS)} {n}", "pipeline_id": 1, "stage_id": stage,
                "amount": (dice.below(90) + 1) * 500 + dice.one_of((0, 0, .5, .25)),
                "expected_close_date": stamp(BEGAN + (500 + dice.below(900)) * DAY), "status": status,
                "tags": [4] if dice.random() < .2 else [],
                "lost_reason": dice.one_of(words.REASONS) if status == "lost" else None,
                "lost_date": closed if status == "lost" else None,
                "won_date": closed if status == "won" else None, "user_id": dice.one_of(OWNERS),
                "swatch_color": dice.one_of((None, None, "#4ade80", "#f43f5e")), "board_order": n,
                "stage_changed_date": stamp(BEGAN + 400 * DAY + dice.below(90 * DAY)),
                "cf_demo_at": stamp(BEGAN + 510 * DAY + dice.below(90) * 3_600) if dice.random() < .4 else None,
                "cf_colour": dice.one_of((None, "#38bdf8", "#facc15"))}

    def activity(self, n, dice):
        due = stamp(BEGAN + (520 + dice.below(900)) * DAY + (7 + dice.below(10)) * 3_600)
        due = due[:10] if dice.random() < .3 else due
        done = dice.random() < .4
        return {"title": dice.one_of(words.TASKS), "activity_type_id": 1 + dice.below(len(TYPES)),
                "due_date": due, "end_date": due[:10], "reminder_minutes_before": dice.one_of((None, 30, 60)),
                "user_id": dice.one_of((1, 2, 3)), "guests": [],
                "note": f"<p>Customer {dice.one_of(words.REMARKS)}.</p>" if dice.random() < .5 else None,
                "description": None, "is_completed": done, "created_by": dice.one_of((1, 2)),
                "completed_at": stamp(BEGAN + 600 * DAY + dice.below(DAY)) if done else None}

    def note(self, n, dice):
        who = dice.one_of(words.FIRST)
        return {"body": f"<p>Met {who}: {dice.one_of(words.REMARKS)}.</p>", "user_id": dice.one_of((1, 2))}

    def call(self, n, dice):
        return {"body": f"<p>{dice.one_of(words.OUTCOMES_SAID)}</p>",
                "date": stamp(BEGAN + dice.below(600) * DAY + (8 + dice.below(9)) * 3_600),
                "call_outcome_id": 1 + dice.below(len(OUTCOMES)), "user_id": dice.one_of((1, 2))}

    def product(self, n, dice):
        goods = dice.one_of(words.GOODS)
        return {"name": f"{goods} {goods[0]}-{n}", "sku": f"{goods[:2].upper()}-{n:04d}",
                "description": dice.one_of((None, f"<p>{goods} for rough conditions.</p>")),
                "unit_price": 49 + dice.below(4_000) + dice.one_of((0, .5, .95)), "direct_cost": 20 + dice.below(900),
                "unit": dice.one_of((None, "piece", "set")), "tax_rate": dice.one_of((25, 19, 7.7)),
                "tax_label": "VAT", "is_active": dice.random() < .9, "created_by": 1,
                "cf_weight": dice.one_of((0, 12.125, 80))}

    def document(self, n, dice):
        thing = dice.one_of(words.THINGS)
        return {"title": f"Offer {n}: {thing}", "document_type_id": 1 + dice.below(2),
                "status": dice.one_of(("draft", "draft", "sent", "accepted")), "amount": dice.below(90) * 250,
                "requires_signature": dice.random() < .5, "view_type": "nav-top", "brand_id": 1,
                "content": f"<h1>{thing}</h1><p>We are pleased to offer the following.</p>" * 3,
                "locale": "en", "created_by": 1, "user_id": dice.one_of((1, 2))}

    def other(self, n, dice):
        return {"name": f"Entry {n}"}

    def made(self, kind, n, dice, blank):
        created = BEGAN + dice.below(600 * DAY)
        row = {"id": n, **blank, **self.makers.get(kind, self.other)(n, dice),
               "created_at": stamp(created), "updated_at": stamp(created + dice.below(90 * DAY))}
        if row.get("user_id") and "owner_assigned_date" in row:
            row["owner_assigned_date"] = row["created_at"]
        return row

    # Tables

    def fill(self, kind, count):
        """Exactly so many more. Nothing of it is garbage, so the collector pauses."""
        gc.disable()
        table, blank = self.model.tables[kind], self.fields.blank(kind)
        dice, rows, n = Dice(f"{self.seed} {kind} {table.next_id}"), [], table.next_id
        while len(rows) < count:
            if n % GAP_EVERY:
                rows.append(self.made(kind, n, dice, blank))
            n += 1
        table.extend(rows)
        gc.freeze()
        gc.enable()

    def populate(self, contacts):
        self.lookups()
        if not contacts:
            return
        self.fill("contacts", contacts)
        for kind, share in SHARES.items():
            self.fill(kind, max(contacts // share, LEAST[kind]))
        self.fill("products", PRODUCTS)
        self.attach_all(Dice(f"{self.seed} links"))

    def attach_all(self, dice):
        """People work for firms, deals are theirs, and all the rest is about one of these."""
        ids, link = {k: t.ids for k, t in self.model.tables.items()}, self.model.links.add
        for contact in ids["contacts"]:
            if dice.random() < .8:
                link("contacts", contact, "companies", dice.one_of(ids["companies"]))
        for deal in ids["deals"]:
            contact = dice.one_of(ids["contacts"])
            link("deals", deal, "contacts", contact)
            for company in self.model.links.ids("contacts", contact, "companies"):
                link("deals", deal, "companies", company)
        for kind in ("activities", "notes", "calls", "documents"):
            for row_id in ids[kind]:
                other = dice.one_of(SUBJECTS)
                link(kind, row_id, other, dice.one_of(ids[other]))
        rows = self.model.tables["companies"].rows
        for child in ids["companies"][5::9]:
            rows[child]["parent_company_id"] = ids["companies"][0]

    def named(self, kind, names, **more):
        for name in names:
            self.model.insert(kind, {**self.fields.blank(kind), "name": name, **more,
                                     "created_at": stamp(BEGAN), "updated_at": stamp(BEGAN)})

    def lookups(self):
        for name, email, admin, access in USERS:
            self.named("users", [name], email=email, super_admin=admin, access_api=access, locale="en",
                       timezone="Europe/Stockholm", time_format="H:i", date_format="F j, Y",
                       default_landing_page="/deals")
        self.named("pipelines", ["Sales Pipeline"], flag="default")
        self.named("pipelines", ["Service"])
        for order, (name, chance) in enumerate(words.STAGES, 1):
            self.named("pipeline-stages", [name], win_probability=chance, display_order=order, pipeline_id=1)
        self.named("pipeline-stages", ["Booked", "Repaired"], win_probability=50, display_order=1, pipeline_id=2)
        self.named("sources", ["Web", "Trade fair", "Referral", "Newsletter"])
        self.named("industries", ["Manufacturing", "Shipping", "Food & drink", "Energy", "Forestry"])
        for name in TYPES:
            self.named("activity-types", [name], icon=name, swatch_color="#9333ea", flag=name.lower())
        self.named("call-outcomes", OUTCOMES, swatch_color="#f43f5e")
        self.named("lost-reasons", words.REASONS)
        self.named("document-types", ["Proposal", "Contract"], swatch_color="#0ea5e9")
        self.named("document-templates", ["Plain offer"], content="<p>…</p>", view_type="nav-top")
        for family, name in (("contacts", "Trade fair"), ("contacts", "Key account"), ("contacts", "Press"),
                             ("deals", "Hot")):
            self.model.tag(family, name)
