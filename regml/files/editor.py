"""What an editor needs to know: schemas, which file has which, and snippets."""

import datetime as dt
import json
from typing import Any, Final

from regml.files.new_item import OPEN, item_text
from regml.items.base import Kind
from regml.items.links import MODELS
from regml.items.schema import SCHEMAS, schema, summary_of

SCHEMA_FOLDER: Final = ".vscode/regml"
"""Where a project keeps its copy of the schemas."""

_TITLE: Final = "regml-new-item-title"
_DAY: Final = dt.date(1, 1, 1)


def editor_files() -> dict[str, str]:
    """Return the text of every file for editors by path relative to a project."""
    files = {f"{SCHEMA_FOLDER}/{name}": text for name, text in schema_files().items()}
    files[".vscode/settings.json"] = _json(
        {
            "yaml.schemas": {
                f"./{SCHEMA_FOLDER}/risk-policy.schema.json": "risk/policy.yaml"
            },
            "files.associations": {"dhf_templates/*.md.j2": "markdown"},
        }
    )
    files[".vscode/extensions.json"] = _json(
        {"recommendations": ["redhat.vscode-yaml", "tamasfe.even-better-toml"]}
    )
    files[".vscode/regml.code-snippets"] = _json(_snippets())
    files[".taplo.toml"] = _TAPLO
    return files


def schema_files() -> dict[str, str]:
    """Return the text of every schema by file name."""
    return {f"{name}.schema.json": schema_text(name) for name in SCHEMAS}


def schema_text(name: str) -> str:
    """Return one schema as JSON.

    Raises:
        KeyError: There is no schema of this name.
    """
    return _json(schema(name))


def _snippets() -> dict[str, Any]:
    """Return a snippet per kind of item: what ``regml new`` writes, to be filled in."""
    return {
        f"regml {kind.value}": {
            "scope": "markdown",
            "prefix": f"regml-{kind.value.lower()}",
            "description": summary_of(model),
            "body": _body(kind),
        }
        for kind, model in MODELS.items()
    }


def _body(kind: Kind) -> list[str]:
    text = item_text(kind, _TITLE, {}, path=f"{kind}-01.md", today=_DAY)
    text = text.replace("\\", "\\\\").replace("$", "\\$").replace("}", "\\}")
    text = text.replace(_TITLE, "${1:Title}").replace(
        str(_DAY), "$CURRENT_YEAR-$CURRENT_MONTH-$CURRENT_DATE"
    )
    head, fence, body = text.rpartition("---\n")
    return [*(head + fence).splitlines(), body.strip().replace(OPEN, f"${{0:{OPEN}}}")]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


_TAPLO: Final = f"""\
# Even Better TOML and taplo read this: it says which schema regml.toml has.
[[rule]]
include = ["regml.toml"]

[rule.schema]
enabled = true
path = "./{SCHEMA_FOLDER}/regml-toml.schema.json"
"""
