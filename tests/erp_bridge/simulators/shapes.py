"""The field names of VTEX's published answers and of the old ERP contract's two generations."""

# fmt: off
from __future__ import annotations

ORDER = frozenset((
    "affiliateId", "allowCancellation", "allowEdition", "authorizedDate",
    "callCenterOperatorData", "cancelReason", "cancellationData", "changesAttachment",
    "checkedInPickupPointId", "clientPreferencesData", "clientProfileData",
    "commercialConditionData", "creationDate", "customData", "followUpEmail", "giftRegistryData",
    "hostname", "invoiceData", "invoicedDate", "isCheckedIn", "isCompleted", "itemMetadata",
    "items", "lastChange", "lastMessage", "marketingData", "marketplace", "marketplaceItems",
    "marketplaceOrderId", "marketplaceServicesEndpoint", "merchantName", "openTextField",
    "orderFormId", "orderGroup", "orderId", "origin", "packageAttachment", "paymentData",
    "ratesAndBenefitsData", "roundingError", "salesChannel", "sellerOrderId", "sellers",
    "sequence", "shippingData", "status", "statusDescription", "storePreferencesData",
    "subscriptionData", "taxData", "totals", "value", "workflowIsInError",
))
ITEM = frozenset((
    "additionalInfo", "assemblies", "attachmentOfferings", "attachments", "bundleItems",
    "callCenterOperator", "commission", "components", "costPrice", "detailUrl", "ean",
    "freightCommission", "id", "imageUrl", "isGift", "itemAttachment", "listPrice", "lockId",
    "manualPrice", "measurementUnit", "name", "offerings", "params", "parentAssemblyBinding",
    "parentItemIndex", "preSaleDate", "price", "priceDefinition", "priceTags", "priceValidUntil",
    "productId", "quantity", "refId", "rewardValue", "seller", "sellerSku", "sellingPrice",
    "serialNumbers", "shippingPrice", "tax", "taxCode", "uniqueId", "unitMultiplier",
))
PRICE_DEFINITION = frozenset((
    "calculatedSellingPrice", "reason", "sellingPrices", "total",
))
ADDITIONAL_INFO = frozenset((
    "brandId", "brandName", "categories", "categoriesIds", "commercialConditionId", "dimension",
    "offeringInfo", "offeringType", "offeringTypeId", "productClusterId",
))
CLIENT = frozenset((
    "corporateDocument", "corporateName", "corporatePhone", "customerClass", "customerCode",
    "document", "documentType", "email", "firstName", "id", "isCorporate", "lastName", "phone",
    "stateInscription", "tradeName", "userProfileId", "userProfileVersion",
))
ADDRESS = frozenset((
    "addressId", "addressType", "city", "complement", "country", "entityId", "geoCoordinates",
    "neighborhood", "number", "postalCode", "receiverName", "reference", "state", "street",
    "versionId",
))
SHIPPING = frozenset((
    "address", "contactInformation", "id", "logisticsInfo", "selectedAddresses", "trackingHints",
))
LOGISTICS = frozenset((
    "addressId", "deliveryChannel", "deliveryChannels", "deliveryCompany", "deliveryIds",
    "deliveryWindow", "entityId", "itemIndex", "listPrice", "lockTTL", "pickupPointId",
    "pickupStoreInfo", "polygonName", "price", "selectedSla", "sellingPrice", "shippingEstimate",
    "shippingEstimateDate", "shipsTo", "slas", "transitTime", "versionId",
))
PACKAGE = frozenset((
    "EnableInferItems", "cfop", "courier", "courierStatus", "invoiceKey", "invoiceNumber",
    "invoiceUrl", "invoiceValue", "issuanceDate", "items", "restitutions", "trackingNumber",
    "trackingUrl", "type", "volumes",
))
PAYMENT = frozenset((
    "accountId", "bankIssuedInvoiceBarCodeNumber", "bankIssuedInvoiceBarCodeType",
    "bankIssuedInvoiceIdentificationNumber", "bankIssuedInvoiceIdentificationNumberFormatted",
    "billingAddress", "cardHolder", "cardNumber", "connectorResponses", "cvv2", "dueDate",
    "expireMonth", "expireYear", "firstDigits", "giftCardAsDiscount", "giftCardCaption",
    "giftCardId", "giftCardName", "giftCardProvider", "group", "id", "installments", "koinUrl",
    "lastDigits", "parentAccountId", "paymentOrigin", "paymentSystem", "paymentSystemName",
    "redemptionCode", "referenceValue", "tid", "url", "value",
))
MARKETING = frozenset((
    "coupon", "id", "marketingTags", "utmCampaign", "utmMedium", "utmPartner", "utmSource",
    "utmiCampaign", "utmiPart", "utmipage",
))
STORE = frozenset((
    "countryCode", "currencyCode", "currencyFormatInfo", "currencyLocale", "currencySymbol",
    "timeZone",
))
METADATA = frozenset((
    "AssemblyOptions", "DetailUrl", "Ean", "Id", "ImageUrl", "Name", "ProductId", "RefId",
    "Seller", "SkuName",
))
LIST = frozenset((
    "facets", "list", "paging", "stats",
))
LIST_ROW = frozenset((
    "ShippingEstimatedDate", "ShippingEstimatedDateMax", "ShippingEstimatedDateMin",
    "affiliateId", "authorizedDate", "callCenterOperatorName", "clientName", "creationDate",
    "currencyCode", "items", "lastMessageUnread", "listId", "listType", "marketPlaceOrderId",
    "orderId", "orderIsComplete", "origin", "paymentNames", "salesChannel", "sequence", "status",
    "statusDescription", "totalItems", "totalValue", "workflowInErrorState", "workflowInRetry",
))
PAGING = frozenset((
    "currentPage", "pages", "perPage", "total",
))
FEED_ITEM = frozenset((
    "currentChange", "domain", "eventId", "handle", "lastChange", "lastState", "orderId", "state",
))
FEED_CONFIG = frozenset((
    "approximateAgeOfOldestMessageInSeconds", "filter", "quantity", "queue",
))
DETAILS_README = frozenset((
    "billingAddressCity", "billingAddressCorpname", "billingAddressFormattedAddres",
    "billingAddressState", "billingAddresszipcode", "centrosDeDistribuicao", "clienteFinalCnpj",
    "clienteFinalCpf", "clienteFinalId", "clienteFinalNome", "dataPedido", "dataPrevisaoEntrega",
    "deliveryAddressCity", "deliveryAddressCorpname", "deliveryAddressState",
    "deliveryAddressformattedAddres", "deliveryAddresszipcode", "deliveryMethod", "itens",
    "linkTransportadora", "notaFiscal", "observacao", "paymentMethod", "paymentOptions",
    "pedidoErpId", "revendaId", "serieNotaFiscal", "status", "valorFrete", "valorTotalPedido",
))
DETAILS_GUIDE = frozenset((
    "centrosDeDistribuicao", "cityState", "clienteFinalCnpj", "clienteFinalCpf", "clienteFinalId",
    "corpemail", "corpname", "dataPedido", "dataPrevisaoEntrega", "formattedAddres", "itens",
    "linkTransportadora", "methodPayment", "methodPaymentInfo", "notaFiscal", "observacao",
    "pedidoErpId", "revendaId", "serieNotaFiscal", "status", "valorFrete", "valorTotalPedido",
    "zipcode",
))
SEARCH_ROW = frozenset((
    "dataPedido", "notaFiscal", "observacao", "pedidoClienteId", "pedidoErpId", "serieNotaFiscal",
    "status", "totalPedido",
))
DOCUMENT = frozenset((
    "descricao", "tipoArquivo", "url",
))
