"""
The composition root: the only place where everything meets.

Each module is one job. `serve.py` runs the service; what it serves are parts, each a module of its
own beside it that puts one thing together and says which routes it has. Whatever is put together
here lives no longer than it runs.
"""

from transcriber.app.file import Job, transcribe
from transcriber.app.form import ask
from transcriber.app.models import list_models
from transcriber.app.recognisers import Engine, chosen, list_engines, recogniser
from transcriber.app.serve import serve
from transcriber.app.terminal import hold
from transcriber.app.voices import list_voices, speaker

__all__ = [
    "Engine",
    "Job",
    "ask",
    "chosen",
    "hold",
    "list_engines",
    "list_models",
    "list_voices",
    "recogniser",
    "serve",
    "speaker",
    "transcribe",
]
