"""OpenID Connect, seen by whoever relies on it: discovery, the authorization code flow, ID tokens.

Nothing here knows users or tenants: an issuer, a client and an answer go in, claims that were proven come out.
"""
