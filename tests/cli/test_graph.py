"""`graph`: the journeys of a bot as a tree and as Mermaid, from files and from the store."""

from __future__ import annotations

from tests.cli.command import Otto

CLINIC = """
apiVersion: otto/v1
kind: Bot
metadata: {id: clinic}
spec:
  name: Clinic
  journeys:
    - id: visit
      title: Book a "visit"
      description: d
      conditions: [They want a visit]
      states:
        - chat: Ask what for
        - {tool: get_slots, instruction: "Look a week ahead\\e[31m"}
        - id: offer
          chat: Offer them
          next:
            - {when: one suits, to: confirm}
            - {when: none suits, to: offer}
        - {id: confirm, fork: [{when: it is urgent, to: pay}, {when: else; later, to: end}]}
        - {id: pay, journey: pay}
    - {id: pay, title: Pay, description: d, conditions: [c], states: [{chat: Take the card}]}
"""

TREE = """\
clinic.visit  Book a "visit"
  when They want a visit
  ● Ask what for
  ⚙ get_slots: Look a week ahead\\x1b[31m
  ● Offer them  [offer]
  ├─ one suits
  │  ◆ one of
  │  ├─ it is urgent
  │  │  ▶ journey clinic.pay
  │  │  ■ end
  │  └─ else; later
  │     ■ end
  └─ none suits
     ↑ offer
"""

MERMAID = """\
---
title: "Book a #quot;visit#quot;"
---
stateDiagram-v2
    classDef tool fill:#fea,color:#630
    state "Ask what for" as s1
    state "get_slots: Look a week ahead\\x1b[31m" as s2
    class s2 tool
    state "Offer them" as s3
    state s4 <<choice>>
    state "journey clinic.pay" as s5
    [*] --> s1
    s1 --> s2
    s2 --> s3
    s3 --> s4: one suits
    s3 --> s3: none suits
    s4 --> s5: it is urgent
    s4 --> [*]: else#59; later
    s5 --> [*]
"""


def test_a_journey_is_drawn(otto: Otto) -> None:
    otto.write("clinic.yaml", CLINIC)
    drawn = otto("graph", "clinic", "visit", "-f", "clinic.yaml")
    assert (drawn.code, drawn.out) == (0, TREE)
    assert otto("apply", "-f", "clinic.yaml").code == 0
    assert otto("graph", "clinic", "clinic.visit", "-o", "mermaid").out == MERMAID
    both = otto("graph", "clinic")
    assert both.out.startswith(TREE)
    assert "clinic.pay  Pay" in both.out


def test_what_cannot_be_drawn_is_named(otto: Otto) -> None:
    otto.write("clinic.yaml", CLINIC)
    missing = otto("graph", "clinic", "viist", "-f", "clinic.yaml")
    assert missing.code == 1
    assert "no journey 'viist'" in missing.err
    assert "clinic.visit, clinic.pay" in missing.err
    assert "there are: clinic" in otto("graph", "shop", "-f", "clinic.yaml").err
