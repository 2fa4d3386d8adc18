"""The command line: thin, one command per arrow of the data flow.

Exit codes: 0 done; 1 a check found something; 2 bad usage, input, parameters or R error; 3
something is missing on the machine; 4 a fault of ours, with the path of a log.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from lfsmig import __version__
from lfsmig.errors import CheckFailed, LfsmigError, ParameterError
from lfsmig.progress import Progress, silent, to_stderr
from lfsmig.years import one_year, parse_years

# Typer carries its own copy of click, so click's exceptions are not the ones it raises. This is
# its ClickException, the grandparent of BadParameter.
UsageFault: type[Any] = typer.BadParameter.__mro__[2]

INTERRUPTED = 130
# As if the signal had ended the process; 1 would say that a check found something.
READER_LEFT = 128 + 13

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Migration statistics from labour force surveys: two engines, one bilingual report.",
)

YearArgument = Annotated[str, typer.Argument(help="Survey year, CE or BE")]
RawOption = Annotated[Path | None, typer.Option("--raw", help="Raw files [<data>/raw]")]
ParamsOption = Annotated[Path | None, typer.Option("--params", help="Parameter folder [params]")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data root [data]")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress lines")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout")]
# Given twice, both are meant: the last alone would drop years without a word.
YearsOption = Annotated[
    list[str] | None,
    typer.Option("--years", metavar="<years>", help="Years: 2019-2021,2023 or Buddhist 2562-2566"),
]


@dataclass
class Settings:
    """Global options, as given before or after the command."""

    params: Path
    data: Path
    quiet: bool
    json: bool

    @property
    def progress(self) -> Progress:
        return silent if self.quiet else to_stderr

    def show(self, document: dict[str, Any], text: str) -> None:
        """Print the document with `--json`, else the text."""
        if self.json:
            text = json.dumps(document, ensure_ascii=False, indent=1, default=str)
        if text:
            _print(text)


def _print(text: str) -> None:
    """Print to stdout at once, so that a full disk or a reader who left is noticed here."""
    try:
        print(text, flush=True)
    except OSError as problem:
        # What is still waiting to be written must not fail again when the process ends.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        if isinstance(problem, BrokenPipeError):
            raise typer.Exit(READER_LEFT) from None
        raise OSError(problem.errno, problem.strerror, "standard output") from None


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def main_options(
    ctx: typer.Context,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    ctx.obj = {"params": params, "data": data, "quiet": quiet, "json": as_json}


def settings(
    ctx: typer.Context, params: Path | None, data: Path | None, quiet: bool, as_json: bool
) -> Settings:
    """Join the options given before the command with those given after it."""
    before = ctx.obj or {}
    return Settings(
        params or before.get("params") or Path(os.environ.get("LFSMIG_PARAMS", "params")),
        data or before.get("data") or Path(os.environ.get("LFSMIG_DATA", "data")),
        quiet or before.get("quiet", False),
        as_json or before.get("json", False),
    )


@app.command()
def sample(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Target folder [<data>/raw]")] = None,
    years: YearsOption = None,
    scale: Annotated[float, typer.Option(help="Share of the enumeration areas, 0 < s <= 1")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers")] = 2562,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make synthetic raw files in the survey's layout; no real person is in them."""
    from lfsmig.params import load
    from lfsmig.sample import generate

    use = settings(ctx, params, data, quiet, as_json)
    chosen = parse_years(",".join(years)) if years else load(use.params).report.years
    target = out or use.data / "raw"
    made = generate(target, chosen, scale, seed, use.params, use.progress)
    use.show(made, f"Synthetic raw files of {len(chosen)} years: {target}")


@app.command()
def run(
    ctx: typer.Context,
    years: YearsOption = None,
    raw: RawOption = None,
    engine: Annotated[str, typer.Option(help="both, python or r")] = "both",
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take raw files to released tables: harmonise, estimate twice, compare, release."""
    from lfsmig import pipeline
    from lfsmig.steps import ENGINES
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    _one_of("--engine", engine, tuple(ENGINES))
    chosen = parse_years(",".join(years)) if years else None
    done = pipeline.run(Workspace.at(use.params, use.data, raw), chosen, engine, use.progress)
    check = done["crosscheck"]
    verdict = (
        f"{check['cells']:,} cells agree between Python and R "
        f"(largest relative difference {check['worst']['estimate']:.1e})"
        if check["made"]
        else f"the cross-check was not made: {check['reason']}"
    )
    if check["made"] and check["years_without"]:
        alone = ", ".join(map(str, check["years_without"]))
        verdict += f"; released without a cross-check: {alone} (one engine only)"
    use.show(done, f"Released tables: {done['released']}; {verdict}")


@app.command()
def validate(
    ctx: typer.Context,
    year: YearArgument,
    raw: RawOption = None,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a year's files against the validation protocol; write text, HTML and JSON."""
    from lfsmig.commands import validate as command
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    workspace = Workspace.at(use.params, use.data, raw)
    document = command.run(workspace, one_year(year), use.progress)
    use.show(document, command.text(document))
    if document["errors"]:
        failed = ", ".join(document["errors"])
        raise CheckFailed(f"{document['year']}: {failed} failed", documented=True)


@app.command("new-year")
def new_year(
    ctx: typer.Context,
    year: YearArgument,
    files: Annotated[list[str] | None, typer.Argument(help="Its files [all in the folder]")] = None,
    before: Annotated[str | None, typer.Option("--from", help="Year to start from")] = None,
    report_only: Annotated[bool, typer.Option("--report-only", help="Write no mapping")] = False,
    raw: RawOption = None,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draft the mapping of a new year and tell what drifted; exit 1 while something is open."""
    from lfsmig.commands import new_year as command
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    start = one_year(before) if before is not None else None
    workspace = Workspace.at(use.params, use.data, raw)
    document = command.run(workspace, one_year(year), start, files or [], report_only, use.progress)
    use.show(document, command.text(document))
    if document["undecided"]:
        count = len(document["undecided"])
        questions = "1 question" if count == 1 else f"{count} questions"
        open_ = f"{document['mapping']}: {questions} to be decided"
        raise CheckFailed(open_, documented=True)


@app.command("replicate")
def replicate_command(
    ctx: typer.Context,
    years: YearsOption = None,
    left: Annotated[Path | None, typer.Option(help="Results to compare")] = None,
    right: Annotated[Path | None, typer.Option(help="Results to compare with")] = None,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare results cell by cell: the two engines, or any two files; exit 1 if they differ."""
    from lfsmig.commands import replicate as command
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    chosen = parse_years(",".join(years)) if years else None
    document = command.run(Workspace.at(use.params, use.data), chosen, left, right)
    use.show(document, command.text(document))
    if document["differing"]:
        raise CheckFailed(
            f"{len(document['differing'])} of {command.cells_compared(document)} cells differ "
            "or are missing",
            documented=True,
        )


@app.command()
def receive(
    ctx: typer.Context,
    year: Annotated[str | None, typer.Argument(help="Survey year, CE or BE")] = None,
    files: Annotated[list[Path] | None, typer.Argument(help="Files of the year")] = None,
    as_: Annotated[
        list[str] | None, typer.Option("--as", help="Name to store a file by, one per file")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset of registry.yml")] = None,
    accept: Annotated[str | None, typer.Option(help="Reason to make it the master")] = None,
    reject: Annotated[str | None, typer.Option(help="Reason to keep the master")] = None,
    restore: Annotated[str | None, typer.Option(help="Earlier version, with --accept")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check all stored files")] = False,
    due: Annotated[bool, typer.Option("--due", help="Terms and days of deletion")] = False,
    companion: Annotated[
        bool, typer.Option("--companion", help="Keep documents that hold no records")
    ] = False,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a year's files in; a re-sent file is compared and replaces the master when accepted."""
    from lfsmig.commands import receive as command
    from lfsmig.commands.receive.words import text
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    asked = command.Request(
        files or [], as_ or [], dataset, accept, reject, restore, verify, due, companion
    )
    chosen = one_year(year) if year is not None else None
    document = command.call(Workspace.at(use.params, use.data), chosen, asked, use.progress)
    use.show(document, text(document))
    command.stop_at(document)


@app.command()
def report(
    ctx: typer.Context,
    lang: Annotated[str, typer.Option(help="en, th or all")] = "all",
    formats: Annotated[
        str, typer.Option("--format", help="Formats, separated by commas")
    ] = "html,docx,pdf",
    with_: Annotated[str, typer.Option("--with", help="auto, quarto or builtin")] = "auto",
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the report from released tables: HTML, DOCX and PDF in each language."""
    from lfsmig.params import load
    from lfsmig.report.render import build_report
    from lfsmig.validation_gate import refuse_stopped
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    if not Path("_quarto.yml").is_file():
        raise LfsmigError(
            f"{Path.cwd()}: no _quarto.yml here; go to the folder of the project, whose chapters "
            "the report is made from, and give the command there"
        )
    survey = load(use.params)
    own = Path.cwd() / "params"
    if own.is_dir() and load(own).country.code != survey.country.code:
        raise ParameterError(
            f"{use.params}: the chapters here are written for {load(own).country.code}; the survey "
            f"of {survey.country.code} needs chapters of its own (run, replicate and trend work)"
        )
    refuse_stopped(Workspace.at(use.params, use.data), survey.report.years)
    # The report reads these too: what is wrong with them is told before the work begins.
    _ = survey.indicators, survey.rules
    languages = survey.report.languages
    _one_of("--lang", lang, (*languages, "all"))
    _one_of("--with", with_, ("auto", "quarto", "builtin"))
    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    for one in wanted or [""]:
        _one_of("--format", one, ("html", "docx", "pdf"))
    documents = build_report(
        Path.cwd(),
        use.params,
        use.data,
        list(languages) if lang == "all" else [lang],
        list(dict.fromkeys(wanted)),
        with_,
        use.progress,
    )
    paths = [str(path) for path in documents]
    use.show(
        {"schema_version": 1, "documents": paths}, "The report is ready:\n  " + "\n  ".join(paths)
    )


@app.command()
def trend(
    ctx: typer.Context,
    indicator: Annotated[str, typer.Argument(help="Id of an indicator")],
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print an indicator's yearly series, its changes and its linear trend."""
    from lfsmig.commands import trend as command
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    document = command.series(Workspace.at(use.params, use.data), indicator)
    use.show(document, command.text(document))


@app.command()
def doctor(
    ctx: typer.Context,
    params: ParamsOption = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what is there and what is missing, with the command that installs it."""
    from lfsmig.commands import doctor as command
    from lfsmig.workspace import Workspace

    use = settings(ctx, params, data, quiet, as_json)
    document = command.examine(Workspace.at(use.params, use.data))
    use.show(document, command.text(document))
    if document["missing_required"]:
        raise typer.Exit(3)
    if document["store"]["damaged"] or document["store"]["error"]:
        raise typer.Exit(1)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LfsmigError(f"{option}: `{value}` is not known; choose one of {', '.join(known)}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(call(arguments))


def call(arguments: list[str] | None = None) -> int:
    """Run the command line; every failure becomes one line on stderr and an exit code."""
    # Windows consoles and LC_ALL=C would otherwise refuse Thai text.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = _obey(given or ["--help"])
    except typer.Exit as stop:
        code = stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as error:
        text, code = _explained(error)
        _say(text)
        if "--json" in given and not getattr(error, "documented", False):
            # Whoever reads the document must find one, also when nothing came of the command.
            failure = {"schema_version": 1, "exit_code": code, "error": _one_line(text)}
            with suppress(OSError, typer.Exit):
                _print(json.dumps(failure, ensure_ascii=False, indent=1))
    if code == INTERRUPTED:
        # Typer answers Ctrl-C with this code and no word.
        _say("interrupted; finished steps are kept, the same command goes on from there")
    return code


def _obey(given: list[str]) -> int:
    """Let typer call the command; texts that it prints itself become a document with `--json`."""
    if "--json" not in given or not {"--help", "--version"} & set(given):
        return int(app(given, standalone_mode=False, prog_name="lfsmig") or 0)
    with redirect_stdout(StringIO()) as printed:
        code = int(app(given, standalone_mode=False, prog_name="lfsmig") or 0)
    _print(json.dumps({"schema_version": 1, "text": printed.getvalue()}, ensure_ascii=False))
    return code


def _explained(error: Exception) -> tuple[object, int]:
    """Put an exception into one line, with the exit code that goes with it."""
    if isinstance(error, LfsmigError):
        return error, error.exit_code
    if isinstance(error, UsageFault):
        return error.format_message(), 2
    if isinstance(error, OSError):
        # A full disk, a read-only or absent folder: the machine's own words say which.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free space there and give the command again" if full else "check path and rights"
        return f"{error.filename or 'a file'}: {error.strerror or error}; {advice}", 2
    with tempfile.NamedTemporaryFile(
        "w", prefix="lfsmig-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(_where(error))
    return f"a fault of lfsmig itself; please send the log {log.name} (it holds no records)", 4


def _where(error: BaseException) -> str:
    """Tell the kinds of an exception and its causes, and where they arose.

    Not their words: these may quote what was read, and the log is sent to others.
    """
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        parts += [type(cause).__name__ + "\n", *traceback.format_tb(cause.__traceback__)]
        # What a worker process met arrives as text: places and words.
        told = str(cause).splitlines() if type(cause).__name__ == "_RemoteTraceback" else []
        parts += [line + "\n" for line in told if line.startswith('  File "')]
        cause = cause.__cause__ or cause.__context__
    return "".join(parts)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _say(text: object) -> None:
    print(f"lfsmig: {_one_line(text)}", file=sys.stderr)


if __name__ == "__main__":
    main()
