"""GitOps for conversational agents: keeps the bots of Parlant servers in their desired state."""

__version__ = "0.1.0"
