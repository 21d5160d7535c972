"""What erasing a person deletes, room by room; ``erasure.py`` puts it together in one transaction."""
