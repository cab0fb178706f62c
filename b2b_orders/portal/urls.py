"""Addresses of the pages. Those of a company also stand under `/c/<company>/`, for staff."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from b2b_orders.common.requests import CALENDAR_PATH
from b2b_orders.portal.views import (
    company,
    documents,
    due_dates,
    finance,
    home,
    lookups,
    operations,
    operations_orders,
    orders,
    payments,
    support,
    telesales,
)

app_name = "portal"

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
    path("financeiro/calendario", due_dates.month, name="finance-calendar"),
    path("financeiro/calendario/endereco", due_dates.renew, name="finance-calendar-renew"),
    path("financeiro/calendario/encerrar", due_dates.end, name="finance-calendar-end"),
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
    path("operacao/recusas", operations.incidents, name="operations-incidents"),
    path("operacao/execucoes", operations.runs, name="operations-runs"),
    path("operacao/tarefas/<uuid:public_id>", operations.errand, name="operations-errand"),
    path(CALENDAR_PATH[1:], due_dates.feed, name="calendar-feed"),
    *of_a_company,
    path("c/<uuid:company>/", include(of_a_company)),
]
