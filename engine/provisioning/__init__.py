"""A data controller's directory (Okta, Entra, any SCIM 2.0 client) keeps its people in step with ours.

What the directory says lies sealed under the tenant's key. What follows from it (an account, a membership, a
role) follows in the same transaction, and never reaches beyond the directory's own data controller.
"""
