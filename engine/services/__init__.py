"""What people and programs ask of the engine, whatever door they come through (API, dashboard, command line).

Each function is one act: it checks, writes its rows and its audit leaf in one transaction, and returns plain
rows or values. Every function takes the tenant's id from the caller's credentials, never from a body.
"""
