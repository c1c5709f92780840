"""What a document says, resolved and normalised to one shape (OpenAPI 3.2 terms), whatever version it was written in.

Schemas stay as they were written: a `Node` says where a value stands, so that a reference inside it can be
followed from there. Everything here is frozen and shared; nobody changes a node's value.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from apifold.core.values import JSON


class Dialect(StrEnum):
    """The family of rules a document follows; patch versions do not matter."""

    SWAGGER_2_0 = "2.0"
    OPENAPI_3_0 = "3.0"
    OPENAPI_3_1 = "3.1"
    OPENAPI_3_2 = "3.2"


class Location(StrEnum):
    """Where an argument goes in the HTTP request (Parameter Object, `in`)."""

    PATH = "path"
    QUERY = "query"
    QUERYSTRING = "querystring"  # 3.2: the whole query string is one value
    HEADER = "header"
    COOKIE = "cookie"


class Style(StrEnum):
    """How arrays and objects are written (Parameter Object, `style`)."""

    MATRIX = "matrix"
    LABEL = "label"
    SIMPLE = "simple"
    FORM = "form"
    SPACE_DELIMITED = "spaceDelimited"
    PIPE_DELIMITED = "pipeDelimited"
    DEEP_OBJECT = "deepObject"
    COOKIE = "cookie"  # 3.2
    TAB_DELIMITED = "tabDelimited"  # ours: Swagger 2.0 `collectionFormat: tsv`


class Node(msgspec.Struct, frozen=True):
    """A value and the place it stands: `base` is the file it is in ("" for the root document)."""

    value: JSON
    base: str = ""
    pointer: str = ""


class Encoding(msgspec.Struct, frozen=True):
    """How one property of a form or multipart body is written (Encoding Object). `None` means not said."""

    content_type: str | None = None
    style: Style | None = None
    explode: bool | None = None
    allow_reserved: bool = False
    headers: Mapping[str, Node] = msgspec.field(default_factory=dict)
    """Part headers by name: Header Objects, reference followed. Only `multipart/*` uses them."""


class MediaType(msgspec.Struct, frozen=True):
    """One entry of a `content` map."""

    content_type: str
    """As written in the document, e.g. `application/json` or `image/*`."""
    schema: Node | None
    encoding: Mapping[str, Encoding] = msgspec.field(default_factory=dict)
    item_schema: Node | None = None  # 3.2, sequential media types
    example: Node | None = None


class Parameter(msgspec.Struct, frozen=True):
    """A parameter with its serialisation rule spelled out (defaults of the specification applied)."""

    name: str
    """The name on the wire, exactly as written."""
    location: Location
    required: bool
    style: Style
    explode: bool
    allow_reserved: bool
    schema: Node | None
    content: MediaType | None
    """For `content` parameters: the value is serialised by this media type, `style` does not apply."""
    description: str
    deprecated: bool
    allow_empty_value: bool
    example: Node | None
    pointer: str


class RequestBody(msgspec.Struct, frozen=True):
    required: bool
    description: str
    content: tuple[MediaType, ...]
    """In document order; never empty."""
    pointer: str


class Response(msgspec.Struct, frozen=True):
    status: str
    """`200`, `2XX` or `default`."""
    description: str
    content: tuple[MediaType, ...]


class ServerVariable(msgspec.Struct, frozen=True):
    default: str
    enum: tuple[str, ...]
    description: str


class Server(msgspec.Struct, frozen=True):
    """A base URL, its variables not yet filled in; may be relative to where the document was found."""

    url: str
    description: str = ""
    variables: Mapping[str, ServerVariable] = msgspec.field(default_factory=dict)


class SecurityKind(StrEnum):
    API_KEY = "apiKey"
    BASIC = "basic"
    BEARER = "bearer"
    OAUTH2 = "oauth2"
    OPEN_ID = "openIdConnect"
    MUTUAL_TLS = "mutualTLS"
    HTTP = "http"  # another scheme of RFC 7235, e.g. digest: `scheme` has it


class SecurityScheme(msgspec.Struct, frozen=True):
    name: str
    """Key under `components.securitySchemes` (or `securityDefinitions`)."""
    kind: SecurityKind
    description: str
    location: Location | None = None
    """For `apiKey`: header, query or cookie."""
    parameter: str = ""
    """For `apiKey`: the name of the header, query parameter or cookie."""
    scheme: str = ""
    """For `http`: the authentication scheme, lower case."""
    bearer_format: str = ""
    flows: JSON = None
    """For `oauth2`: the flows as written."""


class SecurityRequirement(msgspec.Struct, frozen=True):
    """Schemes that are needed together (AND): scheme name to scopes. Several requirements are alternatives (OR)."""

    schemes: tuple[tuple[str, tuple[str, ...]], ...]
    """Empty: the operation may be called without credentials."""


class Operation(msgspec.Struct, frozen=True):
    key: str
    """`METHOD /path/{template}`: the identity everything else hangs on (settings, allow-lists, logs)."""
    method: str
    """Upper case, except 3.2 additional operations, which keep their case."""
    path: str
    """The path template as written, e.g. `/pets/{petId}`. Some have a query (`/pets?kind=dog`), which is sent, or a
    fragment that only tells operations apart. A placeholder in the query (`?owner={id}`) is no path parameter: there is a
    query parameter `owner` for it, and the pair itself is not sent."""
    operation_id: str
    """Empty when the document has none."""
    summary: str
    description: str
    tags: tuple[str, ...]
    deprecated: bool
    parameters: tuple[Parameter, ...]
    """Path-level ones merged in (operation wins per name and location); every `{name}` of the path has one."""
    body: RequestBody | None
    responses: tuple[Response, ...]
    security: tuple[SecurityRequirement, ...]
    """Alternatives, document default applied. Empty: no security is declared."""
    servers: tuple[Server, ...]
    """Operation over path over document; never empty (`/` when nothing is declared)."""
    pointer: str
    base: str = ""
    """The file the operation stands in; relative server URLs and references start here."""


class DocumentInfo(msgspec.Struct, frozen=True):
    title: str
    version: str
    """As text, also when the document wrote a number."""
    description: str
    summary: str = ""
