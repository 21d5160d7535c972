"""What a package says in Italian."""

from __future__ import annotations

WORDS = {
    "language": "Italiano",
    "title_access": "I suoi dati presso {controller}",
    "title_access_categories": "Categorie dei suoi dati presso {controller}",
    "title_portability": "I suoi dati da portare con sé, da {controller}",
    "made": "Preparato il {made} per la sua richiesta del {received}.",
    "files": (
        "Lo stesso si trova in data.json, per i programmi (descritto da schema.json), e in tabelle nella "
        "cartella csv. manifest.json e manifest.sig mostrano che da allora nulla è stato modificato."
    ),
    "profiles": "Chi è lei",
    "identifiers": "Come viene riconosciuto",
    "consents": "A che cosa ha acconsentito",
    "processing_activities": "Che cosa è stato fatto con i suoi dati",
    "events": "Che cosa è arrivato su di lei",
    "requests": "Le sue richieste",
    "recipients": "Chi ha o ha fornito i suoi dati",
    "limits": "Che cosa non si può fare con i suoi dati",
    "purposes": "Per che cosa si usano i suoi dati",
    "categories": "Categorie di dati",
    "sources": "Da dove vengono i suoi dati",
    "retention": "Per quanto tempo si conservano",
    "automated_decisions": "Decisioni automatizzate",
    "rights": "I suoi diritti",
    "authority": "Dove può presentare reclamo",
    "privacy_url": "Informativa sulla privacy",
    "none": "Nessuno.",
    "yes": "sì",
    "no": "no",
    "email": "E-mail",
    "phone": "Telefono",
    "name": "Nome",
    "external_ids": "Numeri cliente",
    "did": "Identificativo (DID)",
    "merged": "Unito",
    "since": "Dal",
    "kind": "Tipo",
    "scope": "Presso",
    "value": "Valore",
    "purpose": "Finalità",
    "legal_basis": "Base giuridica",
    "legal_bases": "Basi giuridiche",
    "channel": "Canale",
    "state": "Stato",
    "current": "In vigore",
    "source": "Fonte",
    "occurred_at": "Quando",
    "recorded_at": "Registrato",
    "activity_type": "Attività",
    "activity_types": "Attività",
    "fields": "Dati",
    "registration": "Registro n.",
    "topic": "Che cosa",
    "received_at": "Ricevuto",
    "type": "Tipo",
    "regime": "Legge",
    "due": "Scadenza",
    "decision": "Decisione",
    "words": "Le sue parole",
    "platform": "Piattaforma",
    "began_at": "Dal",
    "id": "Numero",
    "retention_text": (
        "Finché servono alle loro finalità o finché lei non li fa cancellare, e per il tempo che la "
        "legge impone. I periodi sono indicati nell’informativa sulla privacy; ce li chieda."
    ),
    "automated_text": (
        "Il sistema che ha preparato questo pacchetto non decide nulla da sé sulle persone. Ci chieda se "
        "lo facciamo altrove."
    ),
    "authority_text": (
        "L’autorità di protezione dei dati del luogo in cui vive, lavora o ritiene violata la legge."
    ),
    "right_rectify": "Far rettificare i dati inesatti.",
    "right_erase": "Far cancellare i suoi dati.",
    "right_restrict": "Farne limitare il trattamento.",
    "right_object": "Opporsi al trattamento; al marketing, senza motivo.",
    "right_port": "Ricevere ciò che ci ha fornito in un formato leggibile da macchina.",
    "right_withdraw": "Revocare un consenso in qualsiasi momento.",
    "right_complain": "Presentare reclamo a un’autorità di controllo.",
    "right_opt_out": (
        "Rifiutare la vendita e la condivisione dei suoi dati e limitare l’uso di quelli sensibili."
    ),
    "right_equal": "Non essere penalizzato per l’esercizio di questi diritti.",
}
