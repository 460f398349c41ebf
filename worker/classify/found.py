"""What redaction finds, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Tag(StrEnum):
    """What stands in a text where a number or an address was."""

    CARD = "[card]"
    IBAN = "[iban]"
    ID = "[id]"
    PHONE = "[phone]"
    EMAIL = "[email]"


class Found(Struct, frozen=True):
    """Characters [start, end) of the folded text. `value` is contact data: of phones and addresses only."""

    start: int
    end: int
    tag: Tag
    value: str | None = None


class Hint(StrEnum):
    """What the words before a number say it is."""

    PHONE = "phone"
    ORDER = "order"  # an order, invoice, case ...: not personal
    ID = "id"


_ORDER = (
    "order(?:ed)?|orders|invoice|receipt|ref|reference|case|ticket|booking|reservation|tracking|parcel|shipment|"
    "consignment|account|acct|contract|policy|claim|customer|client|serial|imei|meter|model|sku|item|article|product|"
    "part|transaction|confirmation|flight|version|batch|bestell(?:ung|nummer|nr)|auftrags?(?:nummer|nr)?|"
    "rechnungs?(?:nummer|nr)?|vorgangs?(?:nummer|nr)?|kunden(?:nummer|nr)?|vertrags?(?:nummer|nr)?|"
    "sendungs?(?:nummer|nr)?|artikel(?:nummer|nr)?|commande|facture|dossier|référence|colis|contrat|pedido|factura|"
    "fatura|encomenda|reserva|contrato|referencia|referência|protocolo|expediente|order_?id|#"
)
_PHONE = (
    "phone|phones|telephone|tel|mobile|mob|cell|cellphone|landline|call|calls|called|calling|ring|dial|whatsapp|text|"
    "sms|fax|reach|telefon|telefonnummer|handy|handynummer|mobil|rufnummer|rückruf|anrufen|ruf|rufen|erreichbar|"
    "erreichen|téléphone|tél|portable|appeler|appelez|rappeler|rappelez|joignable|teléfono|móvil|celular|llamar|"
    "llámame|llamen|llámenme|telefone|telemóvel|ligar|ligue|liguem"
)
_ID = (
    "ssn|social security|itin|tax id|sin|nas|nhs|pesel|steuer-?id|idnr|identifikationsnummer|personnummer|"
    "national insurance|nino|dni|nif|nie|codice fiscale|cpf|insee|national id"
)
_NUMBER = re.compile(r"(?<!\w)(?:number|numéro|número|nummer)(?!\w)")
_WORDS = re.compile(rf"(?<![^\W_])(?:(?P<order>{_ORDER})|(?P<phone>{_PHONE})|(?P<id>{_ID}))(?![^\W_])")
_SENTENCE_END = re.compile(r"[!?\n]|\.\s+(?=[^\W\d_])")
_REACH = 40


def hint(lowered: str, start: int) -> Hint | None:
    """What the nearest telling word before `start`, in the same sentence, says of the number there."""
    low = max(0, start - _REACH)
    low = max((end.end() for end in _SENTENCE_END.finditer(lowered, low, start)), default=low)
    nearest: str | None = None
    for match in _WORDS.finditer(lowered, low, start):
        nearest = match.lastgroup
    if nearest is None and _NUMBER.search(lowered, low, start):
        return Hint.PHONE
    return Hint(nearest) if nearest else None


def blank(text: str, found: Iterable[Found]) -> str:
    """The text with what was found made unreadable for the next search; positions stay."""
    parts, at = [], 0
    for one in sorted(found, key=lambda each: each.start):
        if one.start >= at:
            parts += [text[at : one.start], "\0" * (one.end - one.start)]
            at = one.end
    return "".join([*parts, text[at:]])
