"""What the daemon says on the terminal once everything is up."""

from __future__ import annotations

from otto_reconcile.reconcile.restore_report import so_far
from otto_reconcile.reconcile.status import BotStatus, Connection, Status, Sync
from otto_reconcile.render.lines import counted
from otto_reconcile.runtime.escaping import visible
from otto_reconcile.runtime.selecting import told_outside


def looked_at(status: Status) -> bool:
    """True once the target is there and each bot has been looked at, as far as that can be.

    While the store is away nobody knows which bots there are.
    """
    if status.store.state == "Unavailable":
        return True
    return status.target.state == "Connected" and all(
        bot.sync is not Sync.UNKNOWN for bot in status.bots.values()
    )


def summary(status: Status, url: str, took: float, *, answers: bool, unsaved: int = 0) -> str:
    """What a person wants to see once everything is up.

    `took` is in seconds; without `answers` no language model is there for customers; `unsaved`
    are the changes in the outbox.
    """
    looked_after = [bot for bot in status.bots.values() if not bot.outside]
    synced = sum(bot.sync is Sync.SYNCED for bot in looked_after)
    restoring = status.restore is not None and "done" in status.restore
    bots = f"{synced} of {counted(len(looked_after), 'bot')} Synced" if looked_after else "no bots"
    outside = [bot.bot_id for bot in status.bots.values() if bot.outside]
    lines = [
        f"otto-reconcile is up after {took:.1f} s: {bots}",
        *(
            _targets(status)
            if "targets" in status.fleet
            else [f"  API    {url}", f"  chat   {url}/chat/"]
        ),
        f"  store  {_connection(status.store)}",
        *([f"         {status.lost}"] if status.lost else []),
        f"  target {_connection(status.target)}",
    ]
    if unsaved:
        what = "1 change waits" if unsaved == 1 else f"{unsaved} changes wait"
        lines.append(f"  outbox: {what} to be saved in the store")
    folder = status.manifests
    if folder:
        lines.append(f"  bots   {folder['folder']} ({folder['state']}), watched")
        lines.extend(f"         {problem}" for problem in folder["problems"][:5])
        if folder["state"] in ("Refused", "Failed"):
            lines.append("         the last good state stays; mend the folder, and it is imported")
    for source in status.git.values():
        commit = (source.get("commit") or {}).get("id", "")[:12]
        lines.append(f"  bots   {source['name']} ({source['state']}) {commit}".rstrip())
        lines.extend(f"         {problem}" for problem in source["problems"][:5])
    if not (status.bots or status.git or status.fleet) and status.store.state != "Unavailable":
        lines.append("         no manifest yet: `otto-reconcile init` makes a first bot")
    if status.tools:
        sources, names = status.tools["sources"], status.tools["tools"]
        lines.append(f"  tools  {len(names)} from {', '.join(sources)}, watched")
    jobs = sorted((name, job) for name, job in status.jobs.items() if name != "manifests")
    lines.extend(f"  job    {name}: {job['error']}" for name, job in jobs)
    if outside:
        lines.append(f"  {told_outside(sorted(outside), status.selector or '')}")
    if status.restore is not None and restoring:
        lines.append(f"  restore {so_far(status.restore)}; a bot that is written to comes first")
    known = [bot for bot in looked_after if not (restoring and bot.sync is Sync.UNKNOWN)]
    lines.extend(_bot(bot) for bot in known if bot.sync is not Sync.SYNCED)
    if why := status.model.get("message"):
        lines.append(
            f"  no language model: {status.model['name']} is tried again by itself ({why})"
        )
    elif not answers:
        lines.append("  no language model: set OPENAI_API_KEY, or start with --nlp NAME")
    lines.append("Ctrl-C stops it.")
    return "\n".join(visible(line) for line in lines)


def _targets(status: Status) -> list[str]:
    """A line for each, where there are several."""
    targets = status.fleet.get("targets", {})
    return [
        f"  {name:<6} {one['url']}: {one['led_by'] or counted(one['bots'], 'bot')}"
        + (" has it" if one["led_by"] else "")
        for name, one in targets.items()
    ]


def _connection(connection: Connection) -> str:
    why = f": {connection.message}" if connection.message else ""
    return f"{connection.label} ({connection.state}{why})"


def _bot(bot: BotStatus) -> str:
    why = f": {bot.message}" if bot.message else ""
    return f"  {bot.bot_id}: {bot.sync}, {bot.health}{why}"
