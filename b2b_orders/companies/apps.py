from django.apps import AppConfig


class CompaniesConfig(AppConfig):
    name = "b2b_orders.companies"
