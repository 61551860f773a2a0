# SPDX-License-Identifier: MIT
"""The words of the demo: names, firms, things that people sell and say."""

FIRST = ("Mara Ola Åsa Jonas Priya Chen Fatima Lucía Tomasz Emma Noah Aïcha Björn Zoë Kenji Olga Samir Ingrid "
         "Mateo Hanna Dmitri Leila Oscar Nadia Pavel Greta Ravi Sofia Anton Yuki Maeve Idris Celeste Viktor "
         "Amara Lars Beatriz Hiro Elif Stefan").split()
LAST = ("Lind Berg Nakamura Okafor Silva Novák Müller Haddad Kowalski O'Brien Svensson García Patel Li Dubois "
        "Rossi Hansen Petrov Kaya Brown Jensen Weber Sato Costa Moreau Fischer Virtanen Nowak Almeida Schmidt "
        "van-Dijk Eriksson Marchetti Andersen Keller Osei").split()
FIRMS = ("Nordlys Brightwater Halvorsen Kestrel Lumen Marble Quayside Redwood Sable Tidewater Umbra Vantage "
         "Willow Zephyr Cobalt Driftwood Ember Foxglove Granite Harbour Ironside Juniper Larkspur Meridian "
         "Northgate Orchard Pinnacle Rivermouth Saltmarsh Thornfield").split()
TRADES = ["Pumps", "Marine", "Foods", "Logistics", "Instruments", "Textiles", "Energy", "Robotics",
          "Packaging", "Brewing", "Timber", "Water & Waste"]
FORMS = "AB Ltd GmbH Inc S.A. Oy BV ApS".split()
PLACES = [("Umeå", "90325", 211), ("Göteborg", "41103", 211), ("Malmö", "21119", 211), ("Berlin", "10115", 81),
          ("Hamburg", "20095", 81), ("Porto", "4000-069", 172), ("Gdańsk", "80-001", 171), ("Kraków", "30-001", 171),
          ("Lyon", "69001", 73), ("Oslo", "0150", 160), ("Leeds", "LS1 4DY", 230), ("Torino", "10121", 105),
          ("Gent", "9000", 21), ("Turku", "20100", 72), ("Aarhus", "8000", 57), ("Zürich", "8001", 212)]
STREETS = ["Storgatan", "Harbour Street", "Hauptstraße", "Rue de la Gare", "Kirkeveien", "Via Roma",
           "Mill Lane", "Kungsgatan", "Rua das Flores", "Station Road"]
JOBS = ["Buyer", "Plant manager", "Head of procurement", "Process engineer", "CEO", "Office manager",
        "Maintenance lead", "Project manager", "CFO", "Technical director", "Sales assistant"]
THINGS = ["Pump order", "Valve retrofit", "Service contract", "Pilot line", "Spare parts", "Annual framework",
          "Cooling loop", "Filter renewal", "Control cabinet", "Ballast system", "Energy audit"]
TASKS = ["Call back about pumps", "Send the offer", "Site visit", "Follow up on the quote", "Lunch meeting",
         "Check delivery date", "Prepare the demo", "Renew the contract", "Ask for drawings",
         "Introduce the new engineer"]
REMARKS = ["wants delivery before the summer shutdown", "is comparing us with two others",
           "asked for a discount on more than ten units", "prefers to be called in the morning",
           "will decide after the board meeting", "had trouble with the last installation; we replaced the seals",
           "likes the new controller", "needs the certificates (EN 10204 / 3.1) with the offer",
           "sends greetings to the team 🙂", "says \"later this year\", which may mean never"]
OUTCOMES_SAID = ["No answer, left a message.", "Will call back on Monday.", "Wants an offer for two units.",
                 "Confirmed the meeting.", "Line was busy.", "Happy with the delivery."]
GOODS = ["Pump", "Valve", "Filter", "Controller", "Seal kit", "Sensor", "Coupling", "Motor"]
STAGES = [("Qualified", 20), ("Contact made", 35), ("Presentation", 50), ("Proposal", 70), ("Negotiation", 90)]
REASONS = ["Too expensive", "Went silent", "Chose a competitor", "Project was cancelled"]
