"""The command `msmd doctor`, which reports what this machine lacks and the command that installs it."""

import json

import click

from msmdtools.doctor import Finding, Report, examine


@click.command("doctor", short_help="Check what msmd needs on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check what msmd needs on this machine.

    Lists LilyPond, FluidSynth, soundfonts, the sandbox, Python and the packages, with version
    and place; says what is missing, and the one line that installs it. The exit code is 0 when a
    dataset can be built, 1 otherwise.

    Example: msmd doctor
    """
    report = examine()
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else _text(report))
    ctx.exit(0 if report.ready else 1)


def _text(report: Report) -> str:
    width = max(len(finding.name) for finding in report.findings)
    lines = [
        f"{_mark(finding):7}  {finding.name:{width}}  {finding.found or finding.note}"
        for finding in report.findings
    ]
    if not report.missing:
        lines += ["", "Nothing required is missing."]
    elif report.ready:
        lines += ["", "Datasets can be built; better with what is missing."]
    else:
        lines += ["", "No dataset can be built before what is missing is installed."]
    if report.cure:
        lines += [f"To install it:  {report.cure}"]
    return "\n".join(lines)


def _mark(finding: Finding) -> str:
    if finding.found:
        return "ok"
    return "-" if finding.level == "optional" else "missing"
