"""The readable report: Markdown for records, HTML for people."""

from jinja2 import Environment, StrictUndefined

from hippovol.result import Result

# regml: implements SRS-061
WARNINGS = (
    "For trained clinicians, as an adjunct: look at the outline before you use a "
    "volume. Not for primary diagnosis.",
    "Validated population: healthy adults and adults with psychotic disorder, "
    "T1-weighted 3D images of the scanners named in the validation report.",
    "Not validated: dementia and other atrophy, children, images with contrast agent, "
    "after surgery, large lesions, field strength below 1.5 T, slices thicker than "
    "1.5 mm.",
)
"""What every report says; there is no switch that turns it off."""

# regml: implements SRS-062
MARKDOWN = """\
# {{ r.device }} report

| | |
| --- | --- |
| Device | {{ r.device }} {{ r.device_version }} |
| Model | {{ r.model.architecture }}, sha256 `{{ r.model.sha256 }}` |
| Input | {{ r.input.key }} ({{ r.input.kind }}, {{ r.input.files }} files) |
| Input sha256 | `{{ r.input.sha256 }}` |
| Series UID | {{ r.input.series_uid or "none (NIfTI)" }} |
| Outcome | {{ r.outcome }} |
{% if r.rejections %}
## Not measured

{% for remark in r.rejections %}- `{{ remark.code }}`: {{ remark.message }}
{% endfor %}{% else %}
## Volumes, {{ r.side }} side

| Structure | Volume | Volume | Voxels | Removed voxels |
| --- | --- | --- | --- | --- |
{% for v in r.volumes -%}
| {{ v.structure }} | {{ "%.1f" % v.mm3 }} mm3 \
| {{ "%.2f" % v.cm3 }} cm3 | {{ v.voxels }} | {{ v.removed_voxels }} |
{% endfor %}
## Quality

{% for flag in r.flags %}- `{{ flag.code }}`: {{ flag.message }}
{% else %}No quality flag.
{% endfor %}{% endif %}
{% for note in r.notes %}Note `{{ note.code }}`: {{ note.message }}

{% endfor %}## Limits of use

{% for warning in r.warnings %}- {{ warning }}
{% endfor %}"""

HTML = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{{ r.device }} report {{ r.input.key }}</title>
<style>
body { font: 16px/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: left }
tr { border-bottom: 1px solid #ccc } code { overflow-wrap: anywhere }
.flag { background: #fff3c4; padding: .3rem .6rem } img { max-width: 100% }
</style>
<h1>{{ r.device }} report</h1>
<table>
<tr><th>Device<td>{{ r.device }} {{ r.device_version }}
<tr><th>Model<td>{{ r.model.architecture }}, sha256 <code>{{ r.model.sha256 }}</code>
<tr><th>Input<td>{{ r.input.key }} ({{ r.input.kind }}, {{ r.input.files }} files)
<tr><th>Input sha256<td><code>{{ r.input.sha256 }}</code>
<tr><th>Series UID<td><code>{{ r.input.series_uid or "none (NIfTI)" }}</code>
<tr><th>Outcome<td>{{ r.outcome }}
</table>
{% if r.rejections %}<h2>Not measured</h2>
{% for remark in r.rejections %}
<p class="flag"><code>{{ remark.code }}</code>: {{ remark.message }}</p>
{% endfor %}{% else %}<h2>Volumes, {{ r.side }} side</h2>
<table>
<tr><th>Structure<th>Volume<th><th>Voxels<th>Removed voxels
{% for v in r.volumes -%}
<tr><td>{{ v.structure }}<td>{{ "%.1f" % v.mm3 }} mm3\
<td>{{ "%.2f" % v.cm3 }} cm3<td>{{ v.voxels }}<td>{{ v.removed_voxels }}
{% endfor %}</table>
<h2>Quality</h2>
{% for flag in r.flags %}
<p class="flag"><code>{{ flag.code }}</code>: {{ flag.message }}</p>
{% else %}<p>No quality flag.</p>{% endfor %}
<p><a href="overlay.png">Show the contour</a> with <code>python -m hippovol show</code>;
a result can be accepted only after that.</p>
{% endif %}
{% for note in r.notes %}<p>Note <code>{{ note.code }}</code>: {{ note.message }}</p>
{% endfor %}<h2>Limits of use</h2>
<ul>{% for warning in r.warnings %}<li>{{ warning }}
{% endfor %}</ul>
</html>
"""


# regml: implements SRS-010
def markdown(result: Result) -> str:
    """Return the report as Markdown."""
    return _render(MARKDOWN, result)


def html(result: Result) -> str:
    """Return the report as one HTML page that needs no network."""
    return _render(HTML, result)


def _render(template: str, result: Result) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(template).render(r=result)
