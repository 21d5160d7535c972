"""What a package says in English."""

from __future__ import annotations

WORDS = {
    "language": "English",
    "title_access": "Your data at {controller}",
    "title_access_categories": "Categories of your data at {controller}",
    "title_portability": "Your data to take with you, from {controller}",
    "made": "Made on {made} for your request of {received}.",
    "files": (
        "The same is in data.json, for programs (schema.json describes it), and in tables in the folder "
        "csv. manifest.json and manifest.sig show that nothing was changed since."
    ),
    "profiles": "Who you are",
    "identifiers": "By what you are recognised",
    "consents": "What you agreed to",
    "processing_activities": "What was done with your data",
    "events": "What came in about you",
    "requests": "Your requests",
    "recipients": "Who has or gave your data",
    "limits": "What may not be done with your data",
    "purposes": "What your data are used for",
    "categories": "Categories of data",
    "sources": "Where your data come from",
    "retention": "How long they are kept",
    "automated_decisions": "Automated decisions",
    "rights": "Your rights",
    "authority": "Where you can complain",
    "privacy_url": "Privacy notice",
    "none": "None.",
    "yes": "yes",
    "no": "no",
    "email": "E-mail",
    "phone": "Telephone",
    "name": "Name",
    "external_ids": "Customer numbers",
    "did": "Identifier (DID)",
    "merged": "Merged",
    "since": "Since",
    "kind": "Kind",
    "scope": "At",
    "value": "Value",
    "purpose": "Purpose",
    "legal_basis": "Legal basis",
    "legal_bases": "Legal bases",
    "channel": "Channel",
    "state": "State",
    "current": "In force",
    "source": "Source",
    "occurred_at": "When",
    "recorded_at": "Recorded",
    "activity_type": "Activity",
    "activity_types": "Activities",
    "fields": "Data",
    "registration": "Log entry",
    "topic": "What",
    "received_at": "Received",
    "type": "Type",
    "regime": "Law",
    "due": "Due",
    "decision": "Decision",
    "words": "Your words",
    "platform": "Platform",
    "began_at": "Since",
    "id": "Number",
    "retention_text": (
        "Until they are no longer needed for their purposes or you have them erased, and as long as the "
        "law requires. The periods stand in the privacy notice; ask us for them."
    ),
    "automated_text": (
        "The system that made this package decides nothing about people by itself. Ask us whether we do "
        "so elsewhere."
    ),
    "authority_text": (
        "The data protection authority where you live, where you work, or where you think the law was broken."
    ),
    "right_rectify": "To have wrong data corrected.",
    "right_erase": "To have your data erased.",
    "right_restrict": "To have their use restricted.",
    "right_object": "To object to their use; to marketing, without giving a reason.",
    "right_port": "To get what you gave us in a form that programs can read.",
    "right_withdraw": "To withdraw a consent at any time.",
    "right_complain": "To complain to a supervisory authority.",
    "right_opt_out": "To opt out of the sale and sharing of your data, and to limit the use of sensitive data.",
    "right_equal": "Not to be treated worse for using these rights.",
}
