"""What a package says in French."""

from __future__ import annotations

WORDS = {
    "language": "Français",
    "title_access": "Vos données chez {controller}",
    "title_access_categories": "Catégories de vos données chez {controller}",
    "title_portability": "Vos données à emporter, de {controller}",
    "made": "Établi le {made} pour votre demande du {received}.",
    "files": (
        "Le même contenu se trouve dans data.json, pour les programmes (décrit par schema.json), et sous "
        "forme de tableaux dans le dossier csv. manifest.json et manifest.sig montrent que rien n’a été "
        "modifié depuis."
    ),
    "profiles": "Qui vous êtes",
    "identifiers": "Ce qui permet de vous reconnaître",
    "consents": "Ce à quoi vous avez consenti",
    "processing_activities": "Ce qui a été fait de vos données",
    "events": "Ce qui a été reçu à votre sujet",
    "requests": "Vos demandes",
    "recipients": "Qui détient ou a fourni vos données",
    "limits": "Ce qui ne peut être fait de vos données",
    "purposes": "À quoi servent vos données",
    "categories": "Catégories de données",
    "sources": "D’où viennent vos données",
    "retention": "Durée de conservation",
    "automated_decisions": "Décisions automatisées",
    "rights": "Vos droits",
    "authority": "Où déposer une réclamation",
    "privacy_url": "Avis de confidentialité",
    "none": "Aucune.",
    "yes": "oui",
    "no": "non",
    "email": "E-mail",
    "phone": "Téléphone",
    "name": "Nom",
    "external_ids": "Numéros de client",
    "did": "Identifiant (DID)",
    "merged": "Fusionné",
    "since": "Depuis",
    "kind": "Type",
    "scope": "Chez",
    "value": "Valeur",
    "purpose": "Finalité",
    "legal_basis": "Base juridique",
    "legal_bases": "Bases juridiques",
    "channel": "Canal",
    "state": "État",
    "current": "En vigueur",
    "source": "Source",
    "occurred_at": "Quand",
    "recorded_at": "Enregistré",
    "activity_type": "Activité",
    "activity_types": "Activités",
    "fields": "Données",
    "registration": "Registre n°",
    "topic": "Quoi",
    "received_at": "Reçu",
    "type": "Type",
    "regime": "Droit",
    "due": "Échéance",
    "decision": "Décision",
    "words": "Vos mots",
    "platform": "Plateforme",
    "began_at": "Depuis",
    "id": "Numéro",
    "retention_text": (
        "Jusqu’à ce qu’elles ne soient plus nécessaires à leurs finalités ou que vous les fassiez "
        "effacer, et aussi longtemps que la loi l’exige. Les durées figurent dans l’avis de "
        "confidentialité ; demandez-les-nous."
    ),
    "automated_text": (
        "Le système qui a établi ce dossier ne prend lui-même aucune décision sur les personnes. "
        "Demandez-nous si nous le faisons ailleurs."
    ),
    "authority_text": (
        "L’autorité de protection des données de votre lieu de résidence, de travail ou du lieu de la "
        "violation présumée."
    ),
    "right_rectify": "Faire rectifier des données inexactes.",
    "right_erase": "Faire effacer vos données.",
    "right_restrict": "Faire limiter leur traitement.",
    "right_object": "Vous opposer à leur traitement ; à la prospection, sans motif.",
    "right_port": "Recevoir ce que vous nous avez fourni sous une forme lisible par machine.",
    "right_withdraw": "Retirer un consentement à tout moment.",
    "right_complain": "Déposer une réclamation auprès d’une autorité de contrôle.",
    "right_opt_out": "Refuser la vente et le partage de vos données, et limiter l’usage des données sensibles.",
    "right_equal": "Ne pas être pénalisé pour l’exercice de ces droits.",
}
