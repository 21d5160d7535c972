"""Backups: data and keys apart, consistent under load; and what must be done when one is put back.

The *data* part is an archive of the database at one moment, and opens nothing. The *keys* part is small: the
root keys where the operator keeps them, who was erased, and the largest checkpoint that is known of each log.
"""
