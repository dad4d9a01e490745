"""Every minute: shrink wallets that have grown quiet, restore merchants that are covered."""

from datetime import UTC, datetime
from typing import Any

from refunds import upkeep
from refunds.deadline import Deadline
from refunds.observability import logger, metrics, observed
from refunds.settings import Settings
from refunds.stores.upkeep import UpkeepStore

store = UpkeepStore.from_settings(Settings.from_env())


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001
    ready = Deadline(context.get_remaining_time_in_millis).ready
    done = upkeep.tend(store=store, now=datetime.now(UTC), ready=ready)
    metrics.add_metric(name="WalletsShrunk", unit="Count", value=done.shrunk)
    metrics.add_metric(name="MerchantsRestored", unit="Count", value=done.restored)
    metrics.add_metric(name="UpkeepSkipped", unit="Count", value=len(done.skipped))
    logger.info("tended", shrunk=done.shrunk, restored=done.restored, skipped=done.skipped)
