"""How a gallery in plain text becomes a sealed one: the data half of migration m004, within its transaction."""

from __future__ import annotations

from edgeface.store.keyring import PersonKey, wrap_names_key
from edgeface.store.tables import Tables

KEYRING = """CREATE TABLE keyring (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    device_key_id TEXT NOT NULL,
    names_key BLOB NOT NULL
) STRICT"""


def seal_everything(tables: Tables) -> None:
    """Seal names, templates and sources of everybody; the columns that held plain text go."""
    keyring = tables.keyring
    wrapped = wrap_names_key(keyring.device_key, keyring.gallery_id, keyring.names_key)
    tables.execute(KEYRING)
    tables.execute("INSERT INTO keyring VALUES (1, ?, ?)", (keyring.device_key_id, wrapped))
    # A column that is added must have a default; an empty blob opens with no key, so that it cannot pass for data.
    tables.execute("ALTER TABLE people ADD COLUMN wrapped_key BLOB NOT NULL DEFAULT x''")
    tables.execute("ALTER TABLE people ADD COLUMN sealed_name BLOB NOT NULL DEFAULT x''")
    tables.execute("ALTER TABLE templates ADD COLUMN sealed_source BLOB NOT NULL DEFAULT x''")
    for person_id, name, name_key in tables.execute("SELECT id, name, name_key FROM people").fetchall():
        key, wrapped = keyring.new_person(person_id)
        tables.execute(
            "UPDATE people SET wrapped_key = ?, sealed_name = ?, name_key = ?, name = '' WHERE id = ?",
            (wrapped, key.seal_name(name), keyring.name_key(name_key), person_id),
        )
        _seal_templates(tables, key)
    tables.execute("ALTER TABLE people DROP COLUMN name")
    tables.execute("ALTER TABLE templates DROP COLUMN source")


def _seal_templates(tables: Tables, key: PersonKey) -> None:
    rows = tables.execute(
        "SELECT id, model_sha256, vector, source FROM templates WHERE person_id = ?", (key.person_id,)
    ).fetchall()
    for number, model, vector, source in rows:
        tables.execute(
            "UPDATE templates SET vector = ?, sealed_source = ?, source = '' WHERE id = ?",
            (key.seal_vector(vector, number, model), key.seal_source(source, number), number),
        )
