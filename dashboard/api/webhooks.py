"""Addresses that are told of predictions."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from dashboard.access.roles import Admin, Editor
from dashboard.api import examples
from dashboard.api.answers import Json, returns, returns_nothing
from dashboard.api.bodies import KnownFields
from dashboard.desk import TheDesk
from dashboard.rows import MOST_ROWS
from dashboard.webhooks_sending import LONGEST_URL, checked_url
from dashboard.webhooks_store import HAPPENINGS, Delivery, Happening, Webhook, WebhookStore
from streams.sources.egress import networks

router = APIRouter(prefix="/v1")

WebhookId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", examples=["0f8fad5bd9cb469f"])]


class NewWebhook(KnownFields):
    """An address to tell."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://example.org/hooks/groundswell", "events": [HAPPENINGS[0]]}]},
    )

    url: str = Field(max_length=LONGEST_URL, description="https://...; public, unless the settings allow its network")
    events: list[Happening] = Field(list(HAPPENINGS), min_length=1, max_length=len(HAPPENINGS))


class WebhookMade(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook and its secret, which is shown this once."""

    webhook: Webhook
    secret: str


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """Every webhook, the oldest first."""

    items: tuple[Webhook, ...]


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook was told, the newest first."""

    items: tuple[Delivery, ...]


MADE = WebhookMade(webhook=examples.WEBHOOK, secret="whsec_...")  # noqa: S106  # no secret


async def webhooks_of(request: Request, desk: TheDesk) -> WebhookStore:
    """The webhooks of the app that answers this request; not in a thread, so that they are opened once."""
    if not isinstance(getattr(request.app.state, "webhooks", None), WebhookStore):
        request.app.state.webhooks = WebhookStore(desk.settings.home)
    found: WebhookStore = request.app.state.webhooks
    return found


TheWebhooks = Annotated[WebhookStore, Depends(webhooks_of)]


@router.post("/webhooks", status_code=201, responses=returns(WebhookMade, "Keep the secret", status=201, example=MADE))
def add_webhook(desk: TheDesk, webhooks: TheWebhooks, caller: Admin, body: NewWebhook) -> Json:
    """Have an address told, by POST, of final predictions and of videos that failed.

    Every message is signed: `Groundswell-Signature: t=TIME,v1=HEX`, where HEX is the HMAC-SHA256 of `TIME.BODY` with
    the secret. What is not answered with 2xx is sent again for a day; then the webhook is switched off.
    """
    url = checked_url(body.url, networks(desk.settings.fetch_networks))
    webhook, secret = webhooks.add(url, tuple(dict.fromkeys(body.events)), by=caller.name)
    return Json(WebhookMade(webhook=webhook, secret=secret), 201)


@router.get("/webhooks", responses=returns(Webhooks, example=Webhooks(items=(examples.WEBHOOK,))))
def list_webhooks(webhooks: TheWebhooks, caller: Editor) -> Json:
    """All webhooks."""
    return Json(Webhooks(items=tuple(webhooks.all())))


@router.get("/webhooks/{webhook_id}", responses=returns(Webhook, example=examples.WEBHOOK))
def show_webhook(webhooks: TheWebhooks, caller: Editor, webhook_id: WebhookId) -> Json:
    """One webhook: whether it is on, and how much waits for it."""
    return Json(webhooks.one(webhook_id))


@router.delete("/webhooks/{webhook_id}", status_code=204, responses=returns_nothing("It is gone"))
def remove_webhook(webhooks: TheWebhooks, caller: Admin, webhook_id: WebhookId) -> Response:
    """Tell an address no more."""
    webhooks.remove(webhook_id)
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/secret", responses=returns(WebhookMade, example=MADE))
def rotate_secret(webhooks: TheWebhooks, caller: Admin, webhook_id: WebhookId) -> Json:
    """Give it a new secret; for a day messages are signed with both, so that nothing is lost meanwhile."""
    secret = webhooks.rotate(webhook_id)
    return Json(WebhookMade(webhook=webhooks.one(webhook_id), secret=secret))


@router.post("/webhooks/{webhook_id}/enable", responses=returns(Webhook, example=examples.WEBHOOK))
def enable_webhook(webhooks: TheWebhooks, caller: Admin, webhook_id: WebhookId) -> Json:
    """Go on with one that was switched off; what waited is sent now."""
    return Json(webhooks.switch_on(webhook_id))


@router.post(
    "/webhooks/{webhook_id}/ping",
    status_code=202,
    responses=returns(Delivery, "It is on its way", status=202, example=examples.DELIVERY),
)
def ping_webhook(webhooks: TheWebhooks, caller: Admin, webhook_id: WebhookId) -> Json:
    """Send a message of type `ping`, to try an address out; see the deliveries for what came of it."""
    return Json(webhooks.ping(webhook_id), 202)


@router.get(
    "/webhooks/{webhook_id}/deliveries", responses=returns(Deliveries, example=Deliveries(items=(examples.DELIVERY,)))
)
def list_deliveries(
    webhooks: TheWebhooks, caller: Editor, webhook_id: WebhookId, limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50
) -> Json:
    """What it was told, with the answer to the last attempt of each."""
    return Json(Deliveries(items=tuple(webhooks.log(webhook_id, limit=limit))))
