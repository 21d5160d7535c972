"""What all tables have in common."""

from __future__ import annotations

import peewee

database = peewee.DatabaseProxy()
"""Set by ``Store``; models carry no connection of their own."""


class Row(peewee.Model):
    """Common ground of all tables."""

    class Meta:
        database = database
        legacy_table_names = False
