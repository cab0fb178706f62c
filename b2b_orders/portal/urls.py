"""Addresses of the pages. Those of a company also stand under `/c/<company>/`, for staff."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from b2b_orders.common.requests import CALENDAR_PATH
from b2b_orders.portal.views import (
    access_record,
    audit_search,
    company,
    documents,
    due_dates,
    finance,
    home,
    lookups,
    making,
    my_data,
    operations,
    operations_documents,
    operations_orders,
    operations_people_data,
    orders,
    packs,
    payments,
    sending,
    support,
    taking,
    telesales,
    watches,
)

app_name = "portal"
_DOCUMENT = "pedidos/<uuid:order>/documentos/<uuid:public_id>"

of_a_company: list[URLPattern | URLResolver] = [
    path("pedidos", orders.orders, name="orders"),
    path("pedidos/procurar", lookups.ask, name="ask"),
    path("pedidos/procurar/<uuid:public_id>", lookups.show, name="lookup"),
    path("pedidos/<uuid:public_id>", orders.order, name="order"),
    path("pedidos/<uuid:public_id>/atualizar", orders.refresh, name="refresh"),
    path("pedidos/<uuid:public_id>/fontes", orders.freshness, name="freshness"),
    path("pedidos/<uuid:public_id>/lado-a-lado", orders.trouble, name="trouble"),
    path("pedidos/<uuid:order>/documentos/<uuid:public_id>", documents.download, name="document"),
    path(
        "pedidos/<uuid:order>/documentos/<uuid:public_id>/pagamento",
        payments.document,
        name="payment",
    ),
    path("pedidos/<uuid:public_id>/pagamento", payments.title, name="title-payment"),
    path("financeiro", finance.page, name="finance"),
    path("financeiro/exportar", finance.export, name="finance-export"),
    path("financeiro/boletos", finance.boletos, name="finance-boletos"),
    path("financeiro/calendario", due_dates.month, name="finance-calendar"),
    path("financeiro/calendario/endereco", due_dates.renew, name="finance-calendar-renew"),
    path("financeiro/calendario/encerrar", due_dates.end, name="finance-calendar-end"),
    path("pedidos/<uuid:order>/documentos/<uuid:public_id>/aviso", watches.change, name="watch"),
    path("pedidos/<uuid:public_id>/documentos/zip", taking.order_zip, name="order-zip"),
    path("documentos", packs.packs, name="packs"),
    path("documentos/pacotes", packs.ask, name="ask-pack"),
    path("documentos/pacotes/<uuid:public_id>/apagar", packs.drop, name="drop-pack"),
    path("documentos/pacotes/<uuid:public_id>/<int:number>", packs.part, name="pack-part"),
    path("documentos/links/<uuid:public_id>/revogar", sending.revoke, name="revoke-share"),
    path(f"{_DOCUMENT}/ver", taking.view, name="view-document"),
    path(f"{_DOCUMENT}/enviar", sending.send, name="send-document"),
    path(f"{_DOCUMENT}/enviar/email", sending.mail, name="mail-document"),
    path(f"{_DOCUMENT}/enviar/link", sending.share, name="share-document"),
    path("empresa/acessos", access_record.page, name="access-record"),
    path("empresa/acessos/exportar", access_record.export, name="access-record-export"),
    path(
        "pedidos/<uuid:order>/documentos/<uuid:public_id>/preparo",
        making.show,
        name="document-making",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("idioma", company.language, name="language"),
    path("empresa/trocar", company.switch, name="switch-company"),
    path("atendimento", support.search, name="support"),
    path("atendimento/atuar", support.act, name="act"),
    path("atendimento/encerrar", support.stop, name="stop-acting"),
    path("televendas", telesales.page, name="telesales"),
    path("televendas/procura", telesales.found, name="telesales-found"),
    path("operacao", operations.page, name="operations"),
    path("operacao/conexoes/<str:name>", operations.connection, name="operations-connection"),
    path("operacao/retidos", operations.parked, name="operations-parked"),
    path("operacao/situacoes", operations_orders.statuses, name="operations-statuses"),
    path("operacao/sem-empresa", operations_orders.unassigned, name="operations-unassigned"),
    path("operacao/divergencias", operations_orders.divergences, name="operations-divergences"),
    path("operacao/documentos", operations_documents.rules, name="operations-documents"),
    path("operacao/recusas", operations.incidents, name="operations-incidents"),
    path("operacao/execucoes", operations.runs, name="operations-runs"),
    path("conta/meus-dados", my_data.page, name="my-data"),
    path("conta/meus-dados/<uuid:public_id>", my_data.take, name="my-data-file"),
    path(
        "operacao/dados-pessoais",
        operations_people_data.page,
        name="operations-people-data",
    ),
    path(
        "operacao/dados-pessoais/<uuid:public_id>",
        operations_people_data.take,
        name="operations-people-data-file",
    ),
    path("operacao/auditoria", audit_search.page, name="operations-audit"),
    path("operacao/auditoria/exportar", audit_search.export, name="operations-audit-export"),
    path("operacao/tarefas/<uuid:public_id>", operations.errand, name="operations-errand"),
    path(CALENDAR_PATH[1:], due_dates.feed, name="calendar-feed"),
    *of_a_company,
    path("c/<uuid:company>/", include(of_a_company)),
]
