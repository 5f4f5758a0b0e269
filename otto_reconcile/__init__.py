"""GitOps for conversational agents: keeps the bots of Parlant servers as they are wanted."""

__version__ = "0.1.0"
