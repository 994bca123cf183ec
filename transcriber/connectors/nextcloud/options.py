"""What AppAPI tells an app that it installs."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

__all__ = ["AppApiOptions"]


class AppApiOptions(BaseModel):
    """What AppAPI puts into the environment of an app that it installs."""

    app_id: str = Field(
        "",
        pattern=r"^[a-z0-9_-]*$",
        alias="APP_ID",
        description="our name in Nextcloud, given by AppAPI; empty: we serve no Nextcloud",
    )
    app_version: str = Field(
        "0",
        pattern=r"^[\w.+-]*$",
        alias="APP_VERSION",
        description="our version as Nextcloud knows it, given by AppAPI",
    )
    app_secret: SecretStr = Field(
        SecretStr(""), alias="APP_SECRET", description="shared with Nextcloud, given by AppAPI"
    )
    app_host: str = Field(
        "127.0.0.1",
        pattern=r"^\S+$",
        alias="APP_HOST",
        description="address for Nextcloud's calls, given by AppAPI",
    )
    app_port: int = Field(
        23_000,
        ge=0,
        le=65_535,
        alias="APP_PORT",
        description="port for Nextcloud's calls, given by AppAPI",
    )
    harp_key: SecretStr = Field(
        SecretStr(""),
        alias="HP_SHARED_KEY",
        description="shared with HaRP, given by AppAPI; empty: Nextcloud calls our port",
    )
    harp_address: str = Field(
        "",
        pattern=r"^\S*$",
        alias="HP_FRP_ADDRESS",
        description="address of HaRP's tunnels, given by AppAPI",
    )
    harp_port: int = Field(
        8782,
        ge=1,
        le=65_535,
        alias="HP_FRP_PORT",
        description="port of HaRP's tunnels, given by AppAPI",
    )
    harp_socket: str = Field(
        "/tmp/exapp.sock",
        pattern=r"^/\S*$",
        alias="HP_EXAPP_SOCK",
        description="Unix socket that HaRP's calls are carried to",
    )
    app_api_version: str = Field(
        "0", pattern=r"^[\w.+-]*$", alias="AA_VERSION", description="AppAPI's own version"
    )
    url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="NEXTCLOUD_URL",
        description="address of Nextcloud, given by AppAPI",
    )
