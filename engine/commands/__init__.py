"""The commands that look after an installation, a module for each group; ``run.py`` puts them together.

What they print is in ``services/rows.py``, and how a command is declared in ``config/commands.py``.
"""
