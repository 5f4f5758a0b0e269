"""Otto, the agent that makes bots in a chat; `daemon` starts it. Importing this is cheap."""
