"""A shop 小店 is open only when every setting is filled in (R1: 完成店铺所有设置)."""

from typing import Protocol

from pydantic import computed_field

from refunds.fields import Label, Model, Phone, WebAddress


class ReturnAddress(Model):
    recipient: Label
    phone: Phone
    province: Label
    city: Label
    street: Label


class ShopSettings(Model):
    """Every setting may come later; `PUT /shop` replaces them all."""

    name: Label | None = None
    logo_url: WebAddress | None = None
    category: Label | None = None
    customer_service_phone: Phone | None = None
    return_address: ReturnAddress | None = None


class Shop(ShopSettings):
    """The settings as they stand, with what is still missing."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom for a derived field
    @property
    def missing(self) -> list[str]:
        return [name for name in ShopSettings.model_fields if getattr(self, name) is None]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def complete(self) -> bool:
        return not self.missing


class ShopStore(Protocol):
    def shop(self, merchant_id: str) -> ShopSettings: ...
    def put_shop(self, merchant_id: str, settings: ShopSettings, *, complete: bool) -> None: ...


def show(merchant_id: str, *, store: ShopStore) -> Shop:
    return _shop(store.shop(merchant_id))


def change(merchant_id: str, settings: ShopSettings, *, store: ShopStore) -> Shop:
    shop = _shop(settings)
    store.put_shop(merchant_id, settings, complete=shop.complete)
    return shop


def _shop(settings: ShopSettings) -> Shop:
    return Shop.model_construct(**dict(settings))
