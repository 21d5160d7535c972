"""What a package says in Spanish."""

from __future__ import annotations

WORDS = {
    "language": "Español",
    "title_access": "Sus datos en {controller}",
    "title_access_categories": "Categorías de sus datos en {controller}",
    "title_portability": "Sus datos para llevar, de {controller}",
    "made": "Elaborado el {made} para su solicitud del {received}.",
    "files": (
        "Lo mismo está en data.json, para programas (schema.json lo describe), y en tablas en la carpeta "
        "csv. manifest.json y manifest.sig muestran que nada se ha cambiado desde entonces."
    ),
    "profiles": "Quién es usted",
    "identifiers": "Cómo se le reconoce",
    "consents": "A qué ha dado su consentimiento",
    "processing_activities": "Qué se hizo con sus datos",
    "events": "Qué se recibió sobre usted",
    "requests": "Sus solicitudes",
    "recipients": "Quién tiene o dio sus datos",
    "limits": "Qué no se puede hacer con sus datos",
    "purposes": "Para qué se usan sus datos",
    "categories": "Categorías de datos",
    "sources": "De dónde proceden sus datos",
    "retention": "Cuánto tiempo se conservan",
    "automated_decisions": "Decisiones automatizadas",
    "rights": "Sus derechos",
    "authority": "Dónde puede reclamar",
    "privacy_url": "Aviso de privacidad",
    "none": "Ninguno.",
    "yes": "sí",
    "no": "no",
    "email": "Correo electrónico",
    "phone": "Teléfono",
    "name": "Nombre",
    "external_ids": "Números de cliente",
    "did": "Identificador (DID)",
    "merged": "Fusionado",
    "since": "Desde",
    "kind": "Tipo",
    "scope": "En",
    "value": "Valor",
    "purpose": "Finalidad",
    "legal_basis": "Base jurídica",
    "legal_bases": "Bases jurídicas",
    "channel": "Canal",
    "state": "Estado",
    "current": "Vigente",
    "source": "Origen",
    "occurred_at": "Cuándo",
    "recorded_at": "Registrado",
    "activity_type": "Actividad",
    "activity_types": "Actividades",
    "fields": "Datos",
    "registration": "Registro n.º",
    "topic": "Qué",
    "received_at": "Recibido",
    "type": "Tipo",
    "regime": "Ley",
    "due": "Vence",
    "decision": "Decisión",
    "words": "Sus palabras",
    "platform": "Plataforma",
    "began_at": "Desde",
    "id": "Número",
    "retention_text": (
        "Hasta que ya no sean necesarios para sus fines o usted los haga suprimir, y mientras la ley lo "
        "exija. Los plazos figuran en el aviso de privacidad; pregúntenos por ellos."
    ),
    "automated_text": (
        "El sistema que elaboró este paquete no decide nada por sí mismo sobre las personas. Pregúntenos "
        "si lo hacemos en otra parte."
    ),
    "authority_text": (
        "La autoridad de protección de datos del lugar donde vive, donde trabaja o donde cree que se "
        "infringió la ley."
    ),
    "right_rectify": "A rectificar los datos inexactos.",
    "right_erase": "A suprimir sus datos.",
    "right_restrict": "A limitar su tratamiento.",
    "right_object": "A oponerse a su tratamiento; al marketing, sin dar motivos.",
    "right_port": "A recibir lo que nos dio en un formato legible por máquina.",
    "right_withdraw": "A retirar un consentimiento en cualquier momento.",
    "right_complain": "A reclamar ante una autoridad de control.",
    "right_opt_out": "A rechazar la venta y la cesión de sus datos, y a limitar el uso de los sensibles.",
    "right_equal": "A no recibir peor trato por ejercer estos derechos.",
}
