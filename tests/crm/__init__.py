# SPDX-License-Identifier: MIT
"""A simulated Concord CRM 1.6 (concord-api.md): what the tests run against, and the demo."""
