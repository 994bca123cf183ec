"""Settings of the HTTP side."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from webhooks.options import Networks

__all__ = ["WebOptions"]


class WebOptions(BaseModel):
    """Where we listen, who may call, and how often."""

    host: str = Field("127.0.0.1", alias="HTTP_HOST", description="address to listen on")
    port: int = Field(
        8080, ge=0, le=65_535, alias="HTTP_PORT", description="port to listen on; 0: any free one"
    )
    api_token: SecretStr = Field(
        SecretStr(""),
        alias="API_TOKEN",
        description="a token that may do everything; others are made with it, or by"
        " `transcriber tokens add`; empty: none",
    )
    rate: float = Field(
        50,
        ge=5,
        alias="API_RATE",
        description="requests a second that each token, and each address without one, may send to"
        " the API; ten times as many at once",
    )
    proxies: Networks = Field(
        (),
        alias="TRUSTED_PROXIES",
        description="networks of proxies, and of other instances, whose X-Forwarded-For counts,"
        " such as 10.1.0.0/16, with commas",
    )
    events_days: float = Field(
        7,
        gt=0,
        le=365,
        alias="EVENTS_KEEP_DAYS",
        description="days for which listeners to events can come back and miss nothing",
    )
    audit_days: float = Field(
        365,
        gt=0,
        alias="AUDIT_KEEP_DAYS",
        description="days for which the journal of what administrators did is kept",
    )
