"""Every address of the site."""

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from b2b_orders.api.views import hooks
from b2b_orders.common import health
from b2b_orders.common.requests import HOOK_PATH, SHARE_PATH
from b2b_orders.portal.views import (
    log_in,
    metrics,
    shares,
    shop_code,
    single_sign_on,
    wellknown,
)

# People are made by administrators, so allauth's other pages are not mounted.
_account = [
    path("login/", log_in.log_in, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("shop-code/", shop_code.shop_code, name="shop_code"),
    path("oidc/<slug:slug>/login/", single_sign_on.oidc_login, name="oidc_login"),
    path("oidc/<slug:slug>/login/callback/", single_sign_on.oidc_callback, name="oidc_callback"),
    path("saml/<slug:slug>/login/", single_sign_on.saml_login, name="saml_login"),
    path("saml/<slug:slug>/acs/", single_sign_on.saml_acs, name="saml_acs"),
    path("saml/<slug:slug>/acs/finish/", single_sign_on.saml_finish, name="saml_finish"),
    path("saml/<slug:slug>/metadata/", single_sign_on.saml_metadata, name="saml_metadata"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path(".well-known/security.txt", wellknown.security, name="security-txt"),
    path("robots.txt", wellknown.robots, name="robots-txt"),
    path(SHARE_PATH[1:], shares.shared, name="shared"),
    path(HOOK_PATH[1:], hooks.vtex_hook, name="vtex_hook"),
    path("accounts/", include(_account)),
    path("api/v1/", include("b2b_orders.api.urls")),
    path("", include("b2b_orders.portal.urls")),
]

handler400 = "b2b_orders.portal.views.errors.bad_request"
handler403 = "b2b_orders.portal.views.errors.forbidden"
handler404 = "b2b_orders.portal.views.errors.not_found"
handler500 = "b2b_orders.portal.views.errors.server_error"
