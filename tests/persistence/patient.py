"""A scripted model for the bot of manifests/healthcare.yaml: a patient says conditions as they are.

What the patient has just said is what applies, and where a journey goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.scripted.service import Turn, service

WANTS = "The patient wants to be seen by a doctor"
DONE = "This step is done"
"""What a way on without a condition is told to a model as."""
CALLS: Mapping[str, Mapping[str, str]] = {
    "get_insurance_providers": {},
    "get_upcoming_slots": {},
    "schedule_appointment": {"time": "2030-05-06T10:00:00"},
}


class Model:
    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool:
        wanted = any((who, text) == ("user", WANTS) for who, text in turn.said)
        return condition == turn.last or (condition == WANTS and wanted)

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]:
        return [CALLS[tool]]

    def goes_on(self, journey: str, turn: Turn) -> bool:
        return True

    def chooses(self, journey: str, conditions: Mapping[str, str], turn: Turn) -> str:
        done = DONE if turn.last != WANTS else turn.last
        right = {key for key, text in conditions.items() if turn.last in text or done in text}
        return min(right, default="0")

    def says(self, turn: Turn) -> str:
        return "; ".join([*turn.guided, *(str(result) for result in turn.results)])


factory = service(Model)
