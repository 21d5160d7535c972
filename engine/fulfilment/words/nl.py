"""What a package says in Dutch."""

from __future__ import annotations

WORDS = {
    "language": "Nederlands",
    "title_access": "Uw gegevens bij {controller}",
    "title_access_categories": "Categorieën van uw gegevens bij {controller}",
    "title_portability": "Uw gegevens om mee te nemen, van {controller}",
    "made": "Gemaakt op {made} voor uw verzoek van {received}.",
    "files": (
        "Hetzelfde staat in data.json, voor programma’s (schema.json beschrijft het), en als tabellen in "
        "de map csv. manifest.json en manifest.sig tonen dat er sindsdien niets is gewijzigd."
    ),
    "profiles": "Wie u bent",
    "identifiers": "Waaraan u wordt herkend",
    "consents": "Waarvoor u toestemming gaf",
    "processing_activities": "Wat er met uw gegevens is gedaan",
    "events": "Wat er over u binnenkwam",
    "requests": "Uw verzoeken",
    "recipients": "Wie uw gegevens heeft of gaf",
    "limits": "Wat er niet met uw gegevens mag",
    "purposes": "Waarvoor uw gegevens worden gebruikt",
    "categories": "Categorieën gegevens",
    "sources": "Waar uw gegevens vandaan komen",
    "retention": "Hoe lang ze worden bewaard",
    "automated_decisions": "Geautomatiseerde besluiten",
    "rights": "Uw rechten",
    "authority": "Waar u kunt klagen",
    "privacy_url": "Privacyverklaring",
    "none": "Geen.",
    "yes": "ja",
    "no": "nee",
    "email": "E-mail",
    "phone": "Telefoon",
    "name": "Naam",
    "external_ids": "Klantnummers",
    "did": "Kenmerk (DID)",
    "merged": "Samengevoegd",
    "since": "Sinds",
    "kind": "Soort",
    "scope": "Bij",
    "value": "Waarde",
    "purpose": "Doel",
    "legal_basis": "Rechtsgrond",
    "legal_bases": "Rechtsgronden",
    "channel": "Kanaal",
    "state": "Stand",
    "current": "Geldig",
    "source": "Bron",
    "occurred_at": "Wanneer",
    "recorded_at": "Vastgelegd",
    "activity_type": "Activiteit",
    "activity_types": "Activiteiten",
    "fields": "Gegevens",
    "registration": "Logboek nr.",
    "topic": "Wat",
    "received_at": "Ontvangen",
    "type": "Soort",
    "regime": "Wet",
    "due": "Uiterlijk",
    "decision": "Besluit",
    "words": "Uw woorden",
    "platform": "Platform",
    "began_at": "Sinds",
    "id": "Nummer",
    "retention_text": (
        "Tot ze niet meer nodig zijn voor hun doel of u ze laat wissen, en zolang de wet dat eist. De "
        "termijnen staan in de privacyverklaring; vraag ons ernaar."
    ),
    "automated_text": (
        "Het systeem dat dit pakket maakte, besluit zelf niets over mensen. Vraag ons of we dat elders "
        "wel doen."
    ),
    "authority_text": (
        "De toezichthouder voor gegevensbescherming waar u woont, werkt of meent dat de wet is overtreden."
    ),
    "right_rectify": "Onjuiste gegevens te laten verbeteren.",
    "right_erase": "Uw gegevens te laten wissen.",
    "right_restrict": "Het gebruik ervan te laten beperken.",
    "right_object": "Bezwaar te maken tegen het gebruik; tegen marketing zonder reden.",
    "right_port": "Te krijgen wat u ons gaf, in een vorm die programma’s kunnen lezen.",
    "right_withdraw": "Een toestemming op elk moment in te trekken.",
    "right_complain": "Een klacht in te dienen bij een toezichthouder.",
    "right_opt_out": (
        "De verkoop en het delen van uw gegevens te weigeren, en het gebruik van gevoelige gegevens te "
        "beperken."
    ),
    "right_equal": "Niet slechter behandeld te worden omdat u deze rechten gebruikt.",
}
