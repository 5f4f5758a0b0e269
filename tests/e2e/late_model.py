"""`--nlp tests.e2e.late_model:factory`: a model that is there once the file $MODEL_IS_THERE is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.scripted import otto


def factory(container: Any) -> Any:
    if not Path(os.environ["MODEL_IS_THERE"]).exists():
        raise ConnectionError("the model's host does not answer")
    return otto.factory(container)
