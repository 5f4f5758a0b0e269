"""The command `status`: what the running daemon says of itself and of each bot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otto_reconcile.cli.console import Output, say_data, say_lines, say_table
from otto_reconcile.cli.fleet_lines import fleet_lines
from otto_reconcile.cli.places import Daemon, the_daemon, told_stale
from otto_reconcile.cli.unknown import not_there, refuse_unfit
from otto_reconcile.errors import NotFound
from otto_reconcile.model.shared import is_shared
from otto_reconcile.reconcile.reminders import span
from otto_reconcile.reconcile.restore_report import so_far
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.render.lines import Line, Tone, counted, visible
from otto_reconcile.render.roots import place, short_names
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.selecting import told_outside
from otto_reconcile.settings import Settings

_COLUMNS = ("bot", "sync", "health", "cause", "revision", "source", "last_change", "message")
_SEVERAL = ("bot", "target", *_COLUMNS[1:])

LONG_ROUND = 900.0
"""Seconds from which on a round of looks is worth a line: what it finds may be that old."""


def run_status(settings: Settings, bot_id: str | None, output: Output) -> int:
    """0 if all that is shown is Synced and nothing is refused, 2 if not.

    Without a bot or labels it is about those that the daemon looks after.
    """
    daemon, outside = the_daemon(settings), list[str]()
    bots = list(daemon.get("bots", ()))
    if bot_id is not None:
        bots = [_one(bots, bot_id, daemon)]
        refuse_unfit(bot_id, bots[0].get("labels") or {}, settings.selector)
    elif settings.selector is not None:
        bots = [bot for bot in bots if settings.selector.fits(bot.get("labels") or {})]
        if not bots:
            raise NotFound(f"the daemon knows no bot whose labels fit {settings.selector.text!r}")
        daemon = {**daemon, "bots": bots}
    else:
        outside = sorted(str(bot["bot_id"]) for bot in bots if bot.get("outside"))
        bots = [bot for bot in bots if not bot.get("outside")]
    if output in (Output.JSON, Output.YAML):
        say_data(bots[0] if bot_id is not None else dict(daemon), output)
    elif bot_id is not None:
        say_lines([*_details(bots[0]), *_refused(bots[0], daemon)])
    else:
        if output is Output.TABLE:
            say_lines(_header(daemon, outside))
        say_table(_table(bots, daemon), output)
    return 0 if _all_well(daemon, bots) and (bot_id is not None or _all_taken(daemon)) else 2


def _table(bots: list[Mapping[str, Any]], daemon: Daemon) -> Table:
    """Each file with its repository, and each bot with its target, if there are several."""
    roots = {str(bot["root"]) for bot in daemon.get("bots", ()) if bot.get("root")}
    names = short_names(roots | (daemon.get("git") or {}).keys())
    places = ({**bot, "source": _place(bot, names)} for bot in bots)
    columns = _SEVERAL if (daemon.get("fleet") or {}).get("targets") else _COLUMNS
    return Table([c.replace("_", " ") for c in columns], [_row(b, columns) for b in places])


def _row(bot: Mapping[str, Any], columns: Sequence[str]) -> list[object]:
    to = f" to {bot['moving_to']}" if bot.get("moving_to") else ""
    cells = {**bot, "bot": bot.get("bot_id"), "target": f"{bot.get('target') or 'none'}{to}"}
    return [cells.get(name) for name in columns]


def _place(bot: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    return bot.get("source") and place(str(bot["source"]), bot.get("root"), names)


def _one(bots: list[Mapping[str, Any]], bot_id: str, daemon: Daemon) -> Mapping[str, Any]:
    for bot in bots:
        if bot.get("bot_id") == bot_id:
            return bot
    known = [str(bot.get("bot_id")) for bot in bots]
    listed = str(daemon.get("lost") or "otto-reconcile status lists them")
    raise not_there(bot_id, known, daemon, said="the daemon knows no {}", listed=listed)


def _refused(bot: Mapping[str, Any], daemon: Daemon) -> Iterator[Line]:
    """The faults of the bot's own file: it is as the file was before."""
    git = daemon.get("git") or {}
    own = git.get(str(bot.get("root")))
    sources = [own] if own is not None else [daemon.get("manifests") or {}, *git.values()]
    problems = [problem for source in sources for problem in source.get("problems") or ()]
    for problem in map(str, problems):
        if bot.get("source") and problem.startswith(f"{bot['source']}:"):
            yield Line(visible(f"  refused: {problem}"), Tone.REMOVED)


def _all_well(daemon: Daemon, bots: list[Mapping[str, Any]]) -> bool:
    """Synced, as far as anybody can tell: without store, target or daemon nobody can."""
    seen = all(
        _connection(daemon, name).get("state") == "Connected" for name in ("store", "target")
    )
    seen = seen and not daemon.get("stale") and not (daemon.get("rivals") or daemon.get("lost"))
    return seen and all(_is_well(bot) for bot in bots)


def _is_well(bot: Mapping[str, Any]) -> bool:
    """A bot of which nothing differs may still lack a tool: it is Degraded then."""
    if bot.get("moving_to"):
        return False
    return bot.get("sync") == Sync.SYNCED and bot.get("health") != Health.DEGRADED


def _all_taken(daemon: Daemon) -> bool:
    """True if manifests and local tools are in force, the model is there, and every job works."""
    refused = any((daemon.get(name) or {}).get("problems") for name in ("manifests", "tools"))
    refused |= any(source.get("problems") for source in (daemon.get("git") or {}).values())
    fleet = daemon.get("fleet") or {}
    if daemon.get("reaching") or any(
        fleet.get(name) for name in ("moves", "clashes", "staying", "missing")
    ):
        return False
    if not fleet.get("agreed", True):
        return False
    away = (daemon.get("model") or {}).get("message")
    return not (refused or away or daemon.get("jobs"))


def _connection(daemon: Daemon, name: str) -> Mapping[str, Any]:
    return daemon.get(name) or {}


def _header(daemon: Daemon, outside: Sequence[str]) -> Iterator[Line]:
    """All but the bots; `outside` are those that are not shown, for nobody asked for them."""
    for one in daemon.get("reaching") or ():
        yield Line(f"undeclared {visible(str(one))}", Tone.REMOVED)
    yield Line(f"daemon     pid {daemon.get('pid')}, started {daemon.get('started')}")
    if stale := told_stale(daemon):
        yield Line(f"stale      {visible(stale)}", Tone.REMOVED)
    target = _connection(daemon, "target")
    at = f" at {daemon['url']}" if daemon.get("url") not in (None, target.get("label")) else ""
    at += ", over its bridge" if daemon.get("bridged") else ""
    yield _connected("target", target, at)
    yield from fleet_lines(daemon.get("fleet") or {})
    for rival in daemon.get("rivals") or ():
        text = f"rival      {rival}, a daemon with another store, waits to manage this server"
        yield Line(visible(text), Tone.REMOVED)
    yield _connected("store", _connection(daemon, "store"))
    if daemon.get("lost"):
        yield Line(visible(f"lost       {daemon['lost']}"), Tone.REMOVED)
    manifests = daemon.get("manifests") or {}
    problems = list(manifests.get("problems") or ())
    if manifests:
        state = f"{manifests.get('folder')}: {manifests.get('state')}"
        tone = Tone.REMOVED if problems else Tone.PLAIN
        at = f", at {manifests['at']}" if manifests.get("at") else ""
        at += f", environment {manifests['environment']}" if manifests.get("environment") else ""
        yield Line(f"manifests  {visible(state)}, {manifests.get('time')}{visible(at)}", tone)
        yield from (Line(f"           {visible(str(p))}", Tone.REMOVED) for p in problems)
        for name, what in sorted((manifests.get("rolled_back") or {}).items()):
            if is_shared(name):  # of a bot, its own message says so
                yield Line(visible(f"           {name}: {what}"), Tone.CHANGED)
    for source in (daemon.get("git") or {}).values():
        yield from _commits(source)
    if daemon.get("webhook"):
        yield Line(f"webhook    {daemon['webhook']}")
    yield from _tools(daemon.get("tools") or {})
    yield from (_job(name, job) for name, job in sorted((daemon.get("jobs") or {}).items()))
    if restore := daemon.get("restore"):
        yield _restored(restore)
    if (rounds := daemon.get("rounds")) and rounds["seconds"] >= LONG_ROUND:
        yield Line(f"looks      {_rounds(rounds)}")
    yield from _model(daemon.get("model") or {})
    yield from _evaluated(daemon.get("evaluations") or {})
    usage = sorted((daemon.get("usage") or {}).items())
    if used := [_used(name, counts) for name, counts in usage if counts["calls"]]:
        yield Line(f"model      {'; '.join(used)}")
    for warning in daemon.get("warnings") or ():
        yield Line(f"warning    {visible(str(warning))}", Tone.CHANGED)
    if others := daemon.get("foreign"):
        yield Line(f"unmanaged  agents {', '.join(visible(str(other)) for other in others)}")
    if outside:
        yield Line(visible(f"outside    {told_outside(outside, str(daemon.get('selector')))}"))
    yield Line("")


def _rounds(rounds: Mapping[str, Any]) -> str:
    """Of the looks at all bots in turn; a change that is reported waits for none of them."""
    done, of, took = rounds["done"], rounds["of"], span(rounds["seconds"])
    return f"{done} of {of} bots in turn, to be sure; a whole round takes {took}"


def _commits(source: Mapping[str, Any]) -> Iterator[Line]:
    """A repository: the commit that is in force, and one that was refused."""
    problems, refused = list(source.get("problems") or ()), source.get("refused")
    branch = f" ({source['branch']})" if source.get("branch") else ""
    if source.get("environment"):
        branch += f", environment {source['environment']}"
    state = f"git        {source.get('name')}{branch}: {source.get('state')}, {source.get('time')}"
    yield Line(visible(state), Tone.REMOVED if problems else Tone.PLAIN)
    if source.get("commit"):
        word = "at      " if source.get("state") == "Behind" else "in force"
        yield Line(visible(f"           {word} {_commit(source['commit'])}"))
    if refused:
        yield Line(visible(f"           refused  {_commit(refused)}"), Tone.REMOVED)
    yield from (Line(f"           {visible(str(p))}", Tone.REMOVED) for p in problems)
    yield from (
        Line(f"           {visible(str(n))}", Tone.CHANGED) for n in source.get("notes") or ()
    )


def _commit(commit: Mapping[str, Any]) -> str:
    told = (str(commit.get("id"))[:12], commit.get("time"), commit.get("author"))
    return f"{' '.join(map(str, told))}: {commit.get('subject')}"


def _job(name: str, job: Mapping[str, Any]) -> Line:
    """A background job that fails."""
    times = f"{job.get('failures')} times" if job.get("failures") != 1 else "once"
    when = f"since {job.get('since')}, next try {job.get('next_try')}"
    return Line(
        visible(f"job        {name} failed {times}: {job.get('error')}, {when}"), Tone.REMOVED
    )


def _tools(tools: Mapping[str, Any]) -> Iterator[Line]:
    """The local tools, if there are any."""
    problems = list(tools.get("problems") or ())
    if tools:
        sources, count = ", ".join(tools.get("sources") or ()), len(tools.get("tools") or ())
        text = f"tools      {sources}: {count} {tools.get('state')}, {tools.get('time')}"
        yield Line(visible(text), Tone.REMOVED if problems else Tone.PLAIN)
        yield from (Line(f"           {visible(str(p))}", Tone.REMOVED) for p in problems)


def _model(model: Mapping[str, Any]) -> Iterator[Line]:
    """Why nobody is answered, where the language model is away."""
    if model.get("message"):
        later = f"; next try {model['next_try']}" if model.get("next_try") else ""
        text = f"model      {model.get('name')}: {model.get('state')}, {model['message']}{later}"
        yield Line(visible(text), Tone.CHANGED)


def _connected(name: str, connection: Mapping[str, Any], more: str = "") -> Line:
    state = str(connection.get("state"))
    text = f"{name:<11}{connection.get('label')}{more}: {state}"
    if connection.get("message"):
        text += f", {connection['message']}"
    return Line(visible(text), Tone.PLAIN if state == "Connected" else Tone.CHANGED)


def _restored(restore: Mapping[str, Any]) -> Line:
    if "done" in restore:
        return Line(f"restoring  {so_far(restore)}", Tone.CHANGED)
    bots, there = restore.get("bots") or 0, restore.get("there") or 0
    done = restore.get("restored", bots)
    what = counted(bots, "bot") if done == bots else f"{done or 'none'} of {counted(bots, 'bot')}"
    if there:
        what += f" ({there} needed nothing)"
    return Line(f"restored   {what} in {restore.get('seconds')} s, {restore.get('finished')}")


def _evaluated(evaluations: Mapping[str, Any]) -> Iterator[Line]:
    """How far the texts of the bots are evaluated, and by whom."""
    if not evaluations:
        return
    by = f" by {evaluations['model']}" if evaluations.get("model") else ""
    missing, failing = evaluations.get("missing", 0), evaluations.get("failing", 0)
    state = f"{counted(missing, 'text')} not evaluated yet{by}" if missing else f"all evaluated{by}"
    if failing:
        state += f", {failing} of them in vain"
    if message := evaluations.get("message"):
        state = f"{state}, {message}" if missing else message
    tone = Tone.CHANGED if missing else Tone.PLAIN
    yield Line(visible(f"evaluate   {evaluations.get('mode')}: {state}"), tone)


def _used(name: str, usage: Mapping[str, int]) -> str:
    tokens = f"{usage['input_tokens']} tokens in, {usage['output_tokens']} out"
    return f"{name} {counted(usage['calls'], 'call')}, {tokens}"


def _details(bot: Mapping[str, Any]) -> Iterator[Line]:
    yield Line(visible(f"{bot.get('bot_id')}: {bot.get('name') or ''}"), Tone.HEADING)
    for name, value in bot.items():
        if name in ("bot_id", "name") or value in (None, "", [], ()):
            continue
        shown = ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else value
        if name == "labels":
            shown = ", ".join(f"{label}={text}" for label, text in value.items())
        elif isinstance(value, Mapping):
            shown = " ".join(str(v) for v in value.values())
        yield Line(visible(f"  {name.replace('_', ' ')}: {shown}"))
