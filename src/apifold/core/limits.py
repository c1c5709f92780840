"""Every bound put on hostile input, named, in one place. Sizes are bytes unless the name says otherwise."""

import msgspec


class DocumentLimits(msgspec.Struct, frozen=True):
    """Bounds on an OpenAPI document and on what is built from it."""

    file_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 128 * 1024 * 1024
    files: int = 10_000
    depth: int = 200
    nodes: int = 3_000_000
    """JSON values in one file."""
    yaml_nodes: int = 1_500_000
    """The same for a YAML file, aliases written out; each costs some 4 microseconds, thirty times what it costs in JSON."""
    reference_chain: int = 64
    """How many `$ref`s may follow one another before the end counts as unresolved."""
    operations: int = 50_000
    parameters_per_operation: int = 1_000
    diagnostics: int = 20_000
    """Warnings and notes that are kept; errors always are."""


class DownloadLimits(msgspec.Struct, frozen=True):
    """Bounds on fetching a document and its other files over HTTP."""

    bytes: int = 25 * 1024 * 1024
    """One file, decompressed."""
    seconds: float = 15.0
    """One file, redirects included."""
    redirects: int = 3
    files: int = 1_000
    total_seconds: float = 60.0
    concurrency: int = 8


class SchemaLimits(msgspec.Struct, frozen=True):
    """Bounds on the schema of one tool."""

    bytes: int = 60_000
    """Serialised size that a portable input schema aims to stay under."""
    nodes: int = 20_000
    """Schema objects visited while building one tool's schema."""
    depth: int = 24
    recursion: int = 1
    """How often one `$ref` may reappear inside itself before it is cut."""
    description: int = 1_024
    """Characters of a tool's description."""


class CallLimits(msgspec.Struct, frozen=True):
    """Bounds on one tool call and its upstream exchange."""

    request_bytes: int = 20 * 1024 * 1024
    response_bytes: int = 10 * 1024 * 1024
    """Decompressed upstream body that is read at most."""
    result_bytes: int = 400_000
    """Text that is handed to the model; above it whole items are cut."""
    header_bytes: int = 64 * 1024
    headers: int = 200
    timeout_seconds: float = 30.0
    connect_seconds: float = 5.0
    redirects: int = 5
    retries: int = 2
    concurrent: int = 2_000
    """Calls under way in one process; one more is refused at once."""
    plans: int = 1_000
    """Tools whose compiled request plan (schema included, about 50 kB for a rich one) is kept."""


class PoolLimits(msgspec.Struct, frozen=True):
    """Bounds on connections to upstreams."""

    per_origin: int = 64
    """Connections to one origin, open or being opened."""
    waiting: int = 512
    """Calls that wait for one of them; one more is refused."""
    calls: int = 2_048
    """Calls at the same time over all origins, waiting ones included."""
    idle: int = 512
    """Connections kept over all origins while nobody uses them."""
    idle_seconds: float = 15.0
    """Shorter than what common servers keep, so that they rarely close a connection as it is being reused."""
    age_seconds: float = 300.0
    """A connection older than this is not used again: changes of a name are followed under steady load too."""
    addresses: int = 4
    """Addresses of one name that are tried."""
    name_seconds: float = 30.0
    """How long the addresses of a name are remembered; they are checked again at every connect all the same."""
    names: int = 1_024


class WireLimits(msgspec.Struct, frozen=True):
    """Bounds on what a caller may send us."""

    body_bytes: int = 4 * 1024 * 1024
    head_bytes: int = 32 * 1024
    url_bytes: int = 16 * 1024
    headers: int = 100
    connections: int = 16_384
    """Open at the same time; one more is closed as it is accepted."""
    buffered_bytes: int = 256 * 1024 * 1024
    """What all callers together have sent and nobody has answered yet, `head_bytes` of each not counted; above it what is
    large is refused."""
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0
    write_seconds: float = 60.0
    """How long a caller may read nothing of its answer before it is cut off."""
    sessions: int = 10_000
    session_idle_seconds: float = 1_800.0
    session_bytes: int = 256 * 1024
    """Of what was sent on a session's streams, kept for a client that comes back with `Last-Event-ID`."""
    streams: int = 10_000
    """Open-ended answers at the same time: `subscriptions/listen`, GET, HTTP+SSE."""
    calls_per_session: int = 128
    """At work at the same time for one session, one HTTP+SSE connection or one process on stdio."""
    subscriptions: int = 256
    """Resources that one client, or one stream, may watch."""
    subscription_bytes: int = 16 * 1024
    """Their URIs together."""
    introduction_bytes: int = 16 * 1024
    """Of the capabilities that a client declares in `initialize`, as JSON."""
    backlog_bytes: int = 1024 * 1024
    """Waiting for one caller to read; above it the work that produces more waits too."""
    event_bytes: int = 1_000_000
    """Of one message on an event stream: official clients give the whole stream up for an event of more than 1 MiB."""
    keepalive_seconds: float = 15.0
    """Silence on a stream after which a comment is sent, so that nothing between us and the caller closes it."""
    progress_seconds: float = 5.0
    """A call that asked for progress and hears nothing else is told that it still runs, this often."""
    answer_seconds: float = 300.0
    """How long a client, often a person, may take to answer a question of ours."""
    batch: int = 50
    json_depth: int = 200
    json_containers: int = 200_000
    """Objects and arrays in one message: each costs some twenty times as many bytes as it takes on the wire."""


DOCUMENT = DocumentLimits()
DOWNLOAD = DownloadLimits()
SCHEMA = SchemaLimits()
CALL = CallLimits()
POOL = PoolLimits()
WIRE = WireLimits()
