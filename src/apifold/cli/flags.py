"""Options of a command line as one `Layer`: what was said, and nothing that was not."""

import argparse

from apifold.bootstrap.options import Layer, LimitsLayer, SelectLayer, Transport
from apifold.core.tools.model import Profile


def layer(options: argparse.Namespace) -> Layer:
    """Commands have different options; what a command lacks is not said."""
    said = vars(options)
    transport, profile = said.get("transport"), said.get("profile")
    return Layer(
        spec=said.get("spec"),
        base_url=said.get("base_url"),
        server_variables=dict(said["server_var"]) if said.get("server_var") else None,
        auth=_many(said.get("auth")),
        transport=Transport(transport) if transport else None,
        host=said.get("host"),
        port=said.get("port"),
        token=said.get("token"),
        public=said.get("public"),
        profile=Profile(profile) if profile else None,
        select=_selection(options),
        limits=LimitsLayer(timeout_seconds=said.get("timeout"), retries=said.get("retries")),
        remote_refs=said.get("remote_refs"),
        private_upstreams=said.get("private_upstreams"),
        allow_upstreams=_many(said.get("allow_upstream")),
        allow_hosts=_many(said.get("allow_host")),
        allow_origins=_many(said.get("allow_origin")),
    )


def _selection(options: argparse.Namespace) -> SelectLayer:
    said = vars(options)
    return SelectLayer(
        tags=_many(said.get("tag")),
        methods=_many(said.get("method")),
        paths=_many(said.get("path")),
        operations=_many(said.get("operation")),
        exclude_tags=_many(said.get("exclude_tag")),
        exclude_paths=_many(said.get("exclude_path")),
        exclude_operations=_many(said.get("exclude_operation")),
        read_only=said.get("read_only"),
        deprecated=said.get("deprecated"),
    )


def _many(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
