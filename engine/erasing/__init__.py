"""What erasing a person deletes, room by room; ``services/erasure.py`` puts it together in one transaction."""
