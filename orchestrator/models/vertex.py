"""The Messages API on Google's Vertex AI, with the credentials that Google's own tools use."""

from __future__ import annotations

import os

from orchestrator.errors import UsageError
from orchestrator.models import Model
from orchestrator.models.messages import MessagesApi
from orchestrator.models.service import Service

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def service() -> Service:
    """Raises UsageError when Google's package is not installed."""
    try:
        import google.auth.transport.requests  # noqa: F401 – a part that not every google-auth has
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise UsageError("Vertex AI needs Google's package: pip install 'temp-orchestrator[vertex]'") from error
    return Service(
        server="ANTHROPIC_VERTEX_BASE_URL",
        key="Google credentials",
        remedy="run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
        check="check them, and that they may use this model",
        unsigned=(GoogleAuthError,),
    )


def connect() -> Model:
    """Raises UsageError when the package, region or project is missing, BadKey when there are no credentials."""
    vertex = service()
    http_client = vertex.connections()
    region = os.environ.get("CLOUD_ML_REGION")
    if not region:
        raise UsageError("no region for Vertex AI: set CLOUD_ML_REGION, for instance to global")
    import google.auth
    from anthropic import AsyncAnthropicVertex

    try:
        credentials, project = google.auth.default(scopes=[_SCOPE])
    except vertex.unsigned as error:
        raise vertex.keyless(error) from error
    project = os.environ.get("ANTHROPIC_VERTEX_PROJECT_ID") or project
    if not project:
        raise UsageError("no project for Vertex AI: set ANTHROPIC_VERTEX_PROJECT_ID")
    client = AsyncAnthropicVertex(region=region, project_id=project, credentials=credentials, http_client=http_client)
    return MessagesApi(client, vertex)
