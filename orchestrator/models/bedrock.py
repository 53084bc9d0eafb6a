"""The Messages API on Amazon Bedrock, with the credentials that AWS's own tools use."""

from __future__ import annotations

import os

from orchestrator.errors import UsageError
from orchestrator.models import Model
from orchestrator.models.messages import MessagesApi
from orchestrator.models.service import Service


def service() -> Service:
    """Raises UsageError when AWS's package is not installed."""
    try:
        from boto3.exceptions import Boto3Error
        from botocore.eventstream import ParserError
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise UsageError("Bedrock needs AWS's package: pip install 'temp-orchestrator[bedrock]'") from error
    return Service(
        server="ANTHROPIC_BEDROCK_BASE_URL",
        key="AWS credentials",
        remedy="set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK",
        check="check them, and that they may invoke this model",
        unsigned=(BotoCoreError, Boto3Error),
        garbled=(ParserError,),
    )


def connect() -> Model:
    """Raises UsageError when the package or the region is missing, BadKey when there are no credentials."""
    bedrock = service()
    http_client = bedrock.connections()
    import boto3
    from anthropic import AsyncAnthropicBedrock

    try:
        session = boto3.Session()
        signed = os.environ.get("AWS_BEARER_TOKEN_BEDROCK") or session.get_credentials()
    except bedrock.unsigned as error:
        raise bedrock.keyless(error) from error
    region = os.environ.get("AWS_REGION") or session.region_name
    if not region:
        raise UsageError("no AWS region: set AWS_REGION, or a region in your AWS profile")
    if not signed:
        raise bedrock.keyless()
    return MessagesApi(AsyncAnthropicBedrock(aws_region=region, http_client=http_client), bedrock)
