"""Every address of the site."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from b2b_orders.api.views import hooks
from b2b_orders.common import health
from b2b_orders.common.requests import HOOK_PATH, SHARE_PATH
from b2b_orders.portal.views import (
    log_in,
    metrics,
    shares,
    shop_code,
    signing,
    single_sign_on,
    wellknown,
)

# Of allauth's pages those that are used; nobody signs up or changes their address by themselves.
_TO_ACCOUNT = RedirectView.as_view(pattern_name="portal:account")
_account = [
    path("login/", log_in.log_in, name="account_login"),
    path("logout/", log_in.log_out, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("shop-code/", shop_code.shop_code, name="shop_code"),
    path("oidc/<slug:slug>/login/", single_sign_on.oidc_login, name="oidc_login"),
    path("oidc/<slug:slug>/login/callback/", single_sign_on.oidc_callback, name="oidc_callback"),
    path("saml/<slug:slug>/login/", single_sign_on.saml_login, name="saml_login"),
    path("saml/<slug:slug>/acs/", single_sign_on.saml_acs, name="saml_acs"),
    path("saml/<slug:slug>/acs/finish/", single_sign_on.saml_finish, name="saml_finish"),
    path("saml/<slug:slug>/metadata/", single_sign_on.saml_metadata, name="saml_metadata"),
    path("login/code/", signing.RequestCode.as_view(), name="account_request_login_code"),
    path("login/code/confirm/", signing.ConfirmCode.as_view(), name="account_confirm_login_code"),
    path("reauthenticate/", signing.Reauthenticate.as_view(), name="account_reauthenticate"),
    path("password/change/", signing.ChangePassword.as_view(), name="account_change_password"),
    path("password/set/", signing.SetPassword.as_view(), name="account_set_password"),
    path("password/reset/", signing.RequestReset.as_view(), name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        signing.ResetPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    # Where allauth leads after a change.
    path("2fa/", _TO_ACCOUNT, name="mfa_index"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", signing.ReauthenticateByCode.as_view(), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", signing.AddApp.as_view(), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", signing.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", signing.ShowCodes.as_view(), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/",
        signing.MakeCodes.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/download/",
        signing.DownloadCodes.as_view(),
        name="mfa_download_recovery_codes",
    ),
    path("2fa/webauthn/add/", signing.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("2fa/webauthn/login/", signing.PasskeyLogin.as_view(), name="mfa_login_webauthn"),
    path(
        "2fa/webauthn/reauthenticate/",
        signing.ReauthenticateByPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "2fa/webauthn/keys/<int:pk>/remove/",
        signing.RemovePasskey.as_view(),
        name="mfa_remove_webauthn",
    ),
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
# Asked for by allauth.
handler429 = "b2b_orders.portal.views.signing.too_many_attempts"
handler500 = "b2b_orders.portal.views.errors.server_error"
