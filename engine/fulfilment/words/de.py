"""What a package says in German."""

from __future__ import annotations

WORDS = {
    "language": "Deutsch",
    "title_access": "Ihre Daten bei {controller}",
    "title_access_categories": "Kategorien Ihrer Daten bei {controller}",
    "title_portability": "Ihre Daten zum Mitnehmen, von {controller}",
    "made": "Erstellt am {made} auf Ihre Anfrage vom {received}.",
    "files": (
        "Dasselbe steht in data.json, für Programme (schema.json beschreibt es), und als Tabellen im "
        "Ordner csv. manifest.json und manifest.sig zeigen, dass seither nichts geändert wurde."
    ),
    "profiles": "Wer Sie sind",
    "identifiers": "Woran Sie erkannt werden",
    "consents": "Worin Sie eingewilligt haben",
    "processing_activities": "Was mit Ihren Daten geschah",
    "events": "Was über Sie einging",
    "requests": "Ihre Anfragen",
    "recipients": "Wer Ihre Daten hat oder gab",
    "limits": "Was mit Ihren Daten nicht geschehen darf",
    "purposes": "Wofür Ihre Daten verwendet werden",
    "categories": "Kategorien von Daten",
    "sources": "Woher Ihre Daten stammen",
    "retention": "Wie lange sie gespeichert werden",
    "automated_decisions": "Automatisierte Entscheidungen",
    "rights": "Ihre Rechte",
    "authority": "Wo Sie sich beschweren können",
    "privacy_url": "Datenschutzhinweise",
    "none": "Keine.",
    "yes": "ja",
    "no": "nein",
    "email": "E-Mail",
    "phone": "Telefon",
    "name": "Name",
    "external_ids": "Kundennummern",
    "did": "Kennung (DID)",
    "merged": "Zusammengeführt",
    "since": "Seit",
    "kind": "Art",
    "scope": "Bei",
    "value": "Wert",
    "purpose": "Zweck",
    "legal_basis": "Rechtsgrundlage",
    "legal_bases": "Rechtsgrundlagen",
    "channel": "Kanal",
    "state": "Stand",
    "current": "Gilt",
    "source": "Quelle",
    "occurred_at": "Wann",
    "recorded_at": "Erfasst",
    "activity_type": "Vorgang",
    "activity_types": "Vorgänge",
    "fields": "Daten",
    "registration": "Protokoll Nr.",
    "topic": "Was",
    "received_at": "Eingegangen",
    "type": "Art",
    "regime": "Recht",
    "due": "Fällig",
    "decision": "Entscheidung",
    "words": "Ihre Worte",
    "platform": "Plattform",
    "began_at": "Seit",
    "id": "Nummer",
    "retention_text": (
        "Bis sie für ihre Zwecke nicht mehr nötig sind oder Sie sie löschen lassen, und so lange das "
        "Gesetz es verlangt. Die Fristen stehen in den Datenschutzhinweisen; fragen Sie uns danach."
    ),
    "automated_text": (
        "Das System, das dieses Paket erstellt hat, entscheidet selbst nichts über Menschen. Fragen Sie "
        "uns, ob wir es anderswo tun."
    ),
    "authority_text": (
        "Die Datenschutzaufsicht an Ihrem Wohnort, Ihrem Arbeitsort oder dort, wo Sie das Recht verletzt "
        "sehen."
    ),
    "right_rectify": "Falsche Daten berichtigen zu lassen.",
    "right_erase": "Ihre Daten löschen zu lassen.",
    "right_restrict": "Ihre Verarbeitung einschränken zu lassen.",
    "right_object": "Der Verarbeitung zu widersprechen; bei Werbung ohne Angabe von Gründen.",
    "right_port": "Was Sie uns gaben, in maschinenlesbarer Form zu erhalten.",
    "right_withdraw": "Eine Einwilligung jederzeit zu widerrufen.",
    "right_complain": "Sich bei einer Aufsichtsbehörde zu beschweren.",
    "right_opt_out": (
        "Dem Verkauf und der Weitergabe Ihrer Daten zu widersprechen und die Nutzung sensibler Daten zu "
        "begrenzen."
    ),
    "right_equal": "Wegen dieser Rechte nicht benachteiligt zu werden.",
}
