"""
Settings of the identity provider.

They stand apart from what uses them, so that nothing of it is loaded where there is no provider.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, model_validator

from transcriber.errors import Misconfigured

__all__ = ["OidcOptions"]


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class OidcOptions(BaseModel):
    """Whose tokens count beside our own, and what they allow."""

    issuer: str = Field(
        "",
        pattern=r"^(https://\S+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/\S*)?)?$",
        alias="OIDC_ISSUER",
        description="an identity provider (OpenID Connect) whose tokens count beside ours, exactly"
        " as it names itself, such as https://id.example.org/realms/staff; empty: none",
    )
    audience: str = Field(
        "",
        pattern=r"^\S*$",
        alias="OIDC_AUDIENCE",
        description="for whom its tokens must be made: our name there",
    )
    claim: str = Field(
        "scope",
        pattern=r"^\S+$",
        alias="OIDC_CLAIM",
        description="the claim that says what somebody may, such as groups or realm_access.roles;"
        " `transcriber:rooms:read` in it allows `rooms:read`",
    )
    admins: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (),
        alias="OIDC_ADMINS",
        description="words in that claim, with commas, that allow everything",
    )

    client: str = Field(
        "",
        alias="OIDC_CLIENT_ID",
        description="who we are there, so that people may sign in to the console with it; empty:"
        " they may not",
    )
    secret: SecretStr = Field(
        SecretStr(""),
        alias="OIDC_CLIENT_SECRET",
        description="our secret there, if we have one",
    )
    console: str = Field(
        "",
        pattern=r"^(https?://\S+/console)?$",
        alias="CONSOLE_URL",
        description="where browsers find the console, such as https://captions.example.org/console;"
        " the provider must let people return to that and `/signed-in`",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.client and not (self.issuer and self.console):
            name = "CONSOLE_URL" if self.issuer else "OIDC_ISSUER"
            remedy = f"set {name}, or leave both empty: then nobody signs in to the console"
            raise Misconfigured("OIDC_CLIENT_ID", f"needs {name}", remedy=remedy)
        lonely = {"OIDC_AUDIENCE": self.audience, "OIDC_ADMINS": self.admins}
        if not self.issuer and (names := [name for name, value in lonely.items() if value]):
            raise Misconfigured(names[0], "needs OIDC_ISSUER", remedy="set it, or leave both empty")
        if self.issuer and not self.audience:
            raise Misconfigured(
                "OIDC_AUDIENCE", "is missing", remedy="tokens made for others must not count here"
            )
        return self
