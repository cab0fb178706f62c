"""Lines of a VTEX order body: items, what is known of them, and how they travel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.faults import Json
from erp_bridge.simulators.model import Establishment, Item, Order, WebOrder

ACCOUNT = "demostore"
_NO_PICKUP: Json = {
    "additionalInfo": None,
    "address": None,
    "dockId": None,
    "friendlyName": None,
    "isPickupStore": False,
}
_BASE_ITEM: Json = {
    "itemAttachment": {"content": {}, "name": None},
    "attachments": [],
    "manualPrice": None,
    "priceTags": [],
    "components": [],
    "bundleItems": [],
    "params": [],
    "offerings": [],
    "attachmentOfferings": [],
    "tax": 0,
    "preSaleDate": None,
    "measurementUnit": "un",
    "unitMultiplier": 1.0,
    "isGift": False,
    "shippingPrice": None,
    "rewardValue": 0,
    "freightCommission": 0,
    "taxCode": "",
    "parentItemIndex": None,
    "parentAssemblyBinding": None,
    "callCenterOperator": None,
    "serialNumbers": None,
    "assemblies": [],
}


def stamp(moment: datetime) -> str:
    """Write a moment as VTEX does: UTC, seven digits of a second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"


@lru_cache(maxsize=2_000)
def metadata(number: int) -> Json:
    """Make one of `itemMetadata.Items`."""
    product = PRODUCTS[number]
    return {
        "Id": product.sku,
        "Seller": "1",
        "Name": product.name,
        "SkuName": product.name,
        "ProductId": product.product_id,
        "RefId": product.reference,
        "Ean": product.ean,
        "ImageUrl": f"https://{ACCOUNT}.vteximg.example/arquivos/ids/{product.sku}-55-55.jpg",
        "DetailUrl": f"/produto-{product.sku}/p",
        "AssemblyOptions": [],
    }


def item_body(order: Order, web: WebOrder, position: int, item: Item) -> Json:
    """Make one of `items`."""
    product = PRODUCTS[item.product]
    return {
        **_BASE_ITEM,
        "uniqueId": f"{int(web.sequence):024X}{position:08X}",
        "id": product.sku,
        "productId": product.product_id,
        "ean": product.ean,
        "lockId": f"00-{web.order_id}",
        "quantity": item.quantity,
        "seller": "1",
        "name": product.name,
        "refId": product.reference,
        "price": item.price,
        "listPrice": product.price,
        "imageUrl": f"https://{ACCOUNT}.vteximg.example/arquivos/ids/{product.sku}-55-55.jpg",
        "detailUrl": f"/produto-{product.sku}/p",
        "sellerSku": product.sku,
        "priceValidUntil": stamp(order.placed_at + timedelta(days=365)),
        "commission": item.price // 25,
        "additionalInfo": _additional_info(product.brand),
        "sellingPrice": item.price,
        "priceDefinition": {
            "sellingPrices": [{"value": item.price, "quantity": item.quantity}],
            "calculatedSellingPrice": item.price,
            "total": item.total,
            "reason": None,
        },
        # What the seller pays: a secret that must never leave its source.
        "costPrice": item.price * 6 // 10,
    }


@lru_cache(maxsize=100)
def _additional_info(brand: str) -> Json:
    return {
        "brandName": brand,
        "brandId": "2000000",
        "categoriesIds": "/9/",
        "categories": [{"id": 9, "name": "Materiais"}],
        "productClusterId": "135",
        "commercialConditionId": "1",
        "dimension": {
            "cubicweight": 1.0,
            "height": 10.0,
            "length": 10.0,
            "weight": 10.0,
            "width": 10.0,
        },
        "offeringInfo": None,
        "offeringType": None,
        "offeringTypeId": None,
    }


def shipping(order: Order, web: WebOrder) -> Json:
    """Make `shippingData`."""
    establishment = order.establishment
    buyer = order.company.buyers[order.buyer]
    estimate = stamp(order.placed_at + timedelta(days=8))
    share, rest = divmod(web.freight, len(order.items))
    return {
        "id": "shippingData",
        "address": _address(establishment, buyer.name),
        "logisticsInfo": [
            _logistics(
                position,
                item,
                share + (rest if position == 0 else 0),
                estimate,
                establishment.tax_id,
            )
            for position, item in enumerate(order.items)
        ],
        "trackingHints": None,
        "selectedAddresses": [_address(establishment, buyer.name)],
        "contactInformation": [],
    }


@lru_cache(maxsize=2_000)
def _address(establishment: Establishment, receiver: str) -> Json:
    place = establishment.place
    return {
        "addressType": "commercial",
        "receiverName": receiver,
        "addressId": establishment.tax_id,
        "versionId": None,
        "entityId": None,
        "postalCode": f"{place.postal_code[:5]}-{place.postal_code[5:]}",
        "city": place.city,
        "state": place.state,
        "country": "BRA",
        "street": place.street,
        "number": place.number,
        "neighborhood": place.district,
        "complement": None,
        "reference": None,
        "geoCoordinates": [],
    }


def _logistics(position: int, item: Item, price: int, estimate: str, address_id: str) -> Json:
    return {
        "itemIndex": position,
        "selectedSla": "Transportadora",
        "lockTTL": "10d",
        "price": price,
        "listPrice": price,
        "sellingPrice": price,
        "deliveryWindow": None,
        "deliveryCompany": "Transportes Vereda",
        "shippingEstimate": "6bd",
        "shippingEstimateDate": estimate,
        "slas": [
            {
                "id": "Transportadora",
                "name": "Transportadora",
                "shippingEstimate": "6bd",
                "deliveryWindow": None,
                "price": price,
                "deliveryChannel": "delivery",
                "pickupStoreInfo": _NO_PICKUP,
                "polygonName": "",
                "lockTTL": "10d",
                "pickupPointId": None,
                "transitTime": "5d",
                "pickupDistance": 0.0,
            }
        ],
        "shipsTo": ["BRA"],
        "deliveryIds": [
            {
                "courierId": "vereda",
                "courierName": "Transportes Vereda",
                "dockId": "doca1",
                "quantity": item.quantity,
                "warehouseId": "cd1",
                "accountCarrierName": ACCOUNT,
                "kitItemDetails": [],
            }
        ],
        "deliveryChannels": [{"id": "delivery", "stockBalance": 0}],
        "deliveryChannel": "delivery",
        "pickupStoreInfo": _NO_PICKUP,
        "addressId": address_id,
        "versionId": None,
        "entityId": None,
        "polygonName": "",
        "pickupPointId": None,
        "transitTime": "5d",
    }
