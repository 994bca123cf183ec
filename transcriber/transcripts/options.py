"""Settings of transcripts."""

from __future__ import annotations

from pydantic import BaseModel, Field

from transcriber.captions.transcript import FORMATS, Format

__all__ = ["TranscriptOptions"]


class TranscriptOptions(BaseModel):
    """Whether transcripts are kept, for how long, and where they go."""

    keep: bool = Field(
        False,
        alias="TRANSCRIPTS",
        description="whether transcripts are kept, in rooms whose moderators agree to it",
    )
    days: int = Field(
        30,
        ge=0,
        alias="TRANSCRIPT_DAYS",
        description="days after which a transcript is deleted here; 0: never",
    )
    upload: str = Field(
        "",
        pattern=rf"^(({'|'.join(FORMATS)})(\s*,\s*|$))*$",
        alias="TRANSCRIPT_UPLOAD",
        description="formats in which a transcript is put into the Talk room's files after the "
        f"call: any of {', '.join(FORMATS)}; empty: not at all",
    )
    folder: str = Field(
        "Talk/Transcripts",
        pattern=r"^[^/\x00-\x1f]+(/[^/\x00-\x1f]+)*$",
        alias="TRANSCRIPT_FOLDER",
        description="folder for them, among the files of the moderator who agreed",
    )

    @property
    def formats(self) -> tuple[Format, ...]:
        """What is uploaded."""
        chosen = {part.strip() for part in self.upload.split(",")}
        return tuple(form for form in FORMATS if form in chosen)
