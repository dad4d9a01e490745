"""What the newcomer's shop needs to be seen at work, once a person has confirmed its policy.

Orders are covered by a policy confirmed before they were placed: none can be recorded earlier.
"""

from collections.abc import Callable
from dataclasses import replace

import httpx

from local.cast import Actor, Cast
from local.failures import UnexpectedAnswer
from local.telling import PAID, Api, chapter, credit, record_order, say, yuan

PROCEEDS = 100_000
PAID_BESIDES = 12_900


class Supply:
    """Looks whether the policy is confirmed; then, once, the shop gets money and two orders."""

    def __init__(
        self, http: httpx.Client, api_url: str, cast: Cast, platform: Callable[[], Actor]
    ) -> None:
        """`platform` signs in when needed: hours after the story its token is out of date."""
        self._http = http
        self._api_url = api_url
        self._cast = replace(cast, merchant=cast.newcomer)
        self._platform = platform
        self._given = False

    def look(self) -> None:
        if self._given:
            return
        try:
            if self._is_confirmed():
                self._give()
        except (httpx.TransportError, UnexpectedAnswer) as unanswered:
            # No reason to end what a person is using: the next look asks again.
            say(f"{unanswered}")

    def _is_confirmed(self) -> bool:
        """As anybody is told who looks at the shop."""
        path = f"/merchants/{self._cast.merchant_id}/refund-policy"
        answer = self._http.get(self._api_url + path)
        return answer.is_success and answer.json()["instant_refund"] is True

    def _give(self) -> None:
        api, cast = Api(self._http, self._api_url), replace(self._cast, platform=self._platform())
        buyer = cast.buyer.account.username
        chapter("newcomer 已开通极速退款 The newcomer's policy is confirmed")
        credit(api, cast, PROCEEDS, key=f"proceeds-of-{cast.merchant_id}")
        for paid in (PAID, PAID_BESIDES):
            record_order(api, cast, paid)
        self._given = True
        say(f"店铺入账 {yuan(PROCEEDS)}, 并有两笔已完成的订单: 请以 {buyer} 登录控制台, 申请退款。")
        say(f"The shop has {yuan(PROCEEDS)} and two completed orders: sign in to the console as")
        say(f"{buyer} and ask for a refund.")
