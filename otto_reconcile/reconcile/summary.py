"""What the daemon says on the terminal once everything is up."""

from __future__ import annotations

from otto_reconcile.reconcile.status import Status, Sync


def looked_at(status: Status) -> bool:
    """True once the target is there and each bot has been looked at."""
    return status.target.state == "Connected" and all(
        bot.sync is not Sync.UNKNOWN for bot in status.bots.values()
    )


def summary(status: Status, url: str, took: float, *, answers: bool) -> str:
    """What a person wants to see once everything is up.

    `took` is in seconds; without `answers` no language model is there for customers.
    """
    synced = sum(bot.sync is Sync.SYNCED for bot in status.bots.values())
    lines = [
        f"otto-reconcile is up after {took:.1f} s: {synced} of {len(status.bots)} bots Synced",
        f"  API    {url}",
        f"  chat   {url}/chat/",
        f"  store  {status.store.label} ({status.store.state})",
        f"  target {status.target.label} ({status.target.state})",
    ]
    folder = status.manifests
    if folder:
        lines.append(f"  bots   {folder['folder']} ({folder['state']}), watched")
        lines.extend(f"         {problem}" for problem in folder["problems"][:5])
    if status.tools:
        sources, names = status.tools["sources"], status.tools["tools"]
        lines.append(f"  tools  {len(names)} from {', '.join(sources)}, watched")
    for bot in status.bots.values():
        if bot.sync is not Sync.SYNCED:
            lines.append(f"  {bot.bot_id}: {bot.sync}, {bot.health}: {bot.message or ''}".rstrip())
    if not answers:
        lines.append("  no language model: set OPENAI_API_KEY, or start with --nlp NAME")
    lines.append("Ctrl-C stops it.")
    return "\n".join(lines)
