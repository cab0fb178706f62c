"""Every page and state, one line each.

`tests/screens/test_table.py` fails when an address that shows a page has no line here. In a path
`{O1}` is the order of that name, `{O1.danfe}` one of its documents; `{company}`, `{person}` and
the like are looked up by `walk.Walk`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Screen:
    """A page in a state: how it is called, who sees it, where, and what is done there.

    `acts` are names of `states.STEPS` to take once it is open; `needs` is what must be so in the
    world, one of `states.WORLDS`; `status` is what the server answers.
    """

    page: str
    state: str
    who: str
    path: str
    acts: tuple[str, ...] = ()
    needs: str = ""
    status: int = 200

    @property
    def name(self) -> str:
        """Name it as its files are."""
        return f"{self.page}-{self.state}"


# The saved view of `states`.
VIEW = "00000000-0000-4000-8000-000000000001"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
DOCUMENT = "/pedidos/{O1}/documentos/{O1.danfe}"

SCREENS: tuple[Screen, ...] = (
    # --- nobody has signed in -----------------------------------------------------------------
    Screen("log-in", "normal", "", "/accounts/login/"),
    Screen("log-in", "wrong", "", "/accounts/login/", acts=("log in wrongly",)),
    Screen("log-in-code", "normal", "", "/accounts/login/code/"),
    Screen("inactive", "normal", "", "/accounts/inactive/"),
    Screen("reset-password", "normal", "", "/accounts/password/reset/"),
    Screen("reset-password", "sent", "", "/accounts/password/reset/done/"),
    Screen("reset-password", "stale-link", "", "/accounts/password/reset/key/1-not-a-key/"),
    Screen("reset-password", "done", "", "/accounts/password/reset/key/done/"),
    Screen("join", "normal", "", "/entrar-na-empresa"),
    Screen("offline", "normal", "", "/sem-conexao"),
    Screen("shared", "gone", "", "/d/nothing", status=404),
    Screen("invitation", "gone", "", "/convite/nothing", status=404),
    Screen("prove-address", "gone", "", "/confirmar-endereco/nothing", status=404),
    Screen("not-found", "signed-out", "", f"/nowhere/{UNKNOWN}", status=404),
    # --- orders -------------------------------------------------------------------------------
    Screen("orders", "normal", "ana", "/pedidos"),
    Screen("orders", "several", "ana", "/pedidos?q=4500"),
    Screen("orders", "filtered", "ana", "/pedidos?situacao=invoiced"),
    Screen("orders", "nothing-left", "ana", "/pedidos?situacao=replaced&minimo=1000000"),
    Screen("orders", "wrong-dates", "ana", "/pedidos?de=2026-03-31&ate=2026-03-01"),
    Screen("orders", "statuses", "ana", "/pedidos", acts=("open the statuses",)),
    Screen("orders", "phone-filters", "ana", "/pedidos", acts=("open the filters on a phone",)),
    Screen("orders", "picked", "ana", "/pedidos", acts=("pick two",)),
    Screen("orders", "exporting", "ana", "/pedidos", acts=("open the export",)),
    Screen(
        *("orders", "following", "ana", "/pedidos?situacao=invoiced"),
        acts=("open how to follow",),
    ),
    Screen("order", "keys", "ana", "/pedidos/{O1}", acts=("open the keys",)),
    Screen("orders", "first-day", "ana", "/pedidos", needs="first day"),
    Screen("orders", "views", "ana", "/pedidos", acts=("open the views",), needs="views"),
    Screen("orders", "view-open", "ana", f"/pedidos?visao={VIEW}", needs="views"),
    Screen("orders", "offline", "ana", "/pedidos", acts=("cut the line",)),
    Screen("orders", "slowed", "ana", "/pedidos?q=4500", needs="slowed", status=429),
    Screen("order", "suggestions", "ana", "/pedidos/{O1}", acts=("type into the box",)),
    Screen("order", "mistyped", "ana", "/pedidos/{O1}", acts=("mistype a key",)),
    Screen("order", "palette", "ana", "/pedidos/{O1}", acts=("open the palette",)),
    Screen("order", "followed", "ana", "/pedidos/{O4}", acts=("follow",), needs="followed"),
    Screen("notices", "followed", "ana", "/conta/avisos", needs="followed"),
    Screen("paste-many", "normal", "ana", "/pedidos/lote"),
    Screen("paste-many", "answered", "ana", "/pedidos/lote", acts=("paste numbers",)),
    Screen("paste-many", "too-many", "ana", "/pedidos/lote", acts=("paste too many",)),
    Screen("columns", "normal", "ana", "/pedidos/colunas"),
    Screen("views", "normal", "ana", "/pedidos/visoes"),
    Screen("views", "some", "ana", "/pedidos/visoes", needs="views"),
    Screen("views", "failed", "ana", "/pedidos/visoes", needs="broken", status=500),
    Screen("exports", "normal", "ana", "/pedidos/exportacoes"),
    Screen("exports", "some", "ana", "/pedidos/exportacoes", needs="lists in preparation"),
    Screen("branches", "normal", "ana", "/filiais"),
    Screen("order-items", "normal", "ana", "/pedidos/{O8}/itens"),
    Screen("order-items", "searched", "ana", "/pedidos/{O8}/itens?item=1"),
    Screen("order-documents", "normal", "ana", "/pedidos/{O1}/documentos"),
    Screen("order-finance", "normal", "bruno", "/pedidos/{O1}/financeiro"),
    Screen("order-history", "normal", "ana", "/pedidos/{O1}/historico"),
    Screen("notices", "normal", "ana", "/conta/avisos"),
    Screen("shortcuts", "normal", "ana", "/conta/atalhos"),
    Screen("help", "normal", "ana", "/ajuda"),
    Screen("orders", "not-found", "ana", "/pedidos?q=999999"),
    Screen("orders", "bad-key", "ana", "/pedidos?q=35260312345678000195550010000010011123456789"),
    Screen("orders", "menu", "ana", "/pedidos", acts=("open the account's menu",)),
    Screen("orders", "branch", "carla", "/pedidos"),
    Screen("orders", "two-companies", "davi", "/pedidos"),
    Screen("orders", "empty", "nina", "/pedidos"),
    Screen("orders", "stale", "ana", "/pedidos", needs="erp down"),
    Screen("orders", "not-found-stale", "ana", "/pedidos?q=999999", needs="erp down"),
    Screen("order", "normal", "ana", "/pedidos/{O1}"),
    Screen("order", "erp-only", "ana", "/pedidos/{O2}"),
    Screen("order", "site-only", "ana", "/pedidos/{O3}"),
    Screen("order", "disagreement", "ana", "/pedidos/{O6}"),
    Screen("order", "big", "ana", "/pedidos/{O8}"),
    Screen("order", "hostile", "ana", "/pedidos/{HOSTILE}"),
    Screen("order", "split", "ana", "/pedidos/{SPLIT}"),
    Screen("order", "boletos", "bruno", "/pedidos/{BOLETOS}"),
    Screen("order", "cancelled-invoice", "ana", "/pedidos/{REVOKED}"),
    Screen("order", "stale", "ana", "/pedidos/{O1}", needs="erp down"),
    Screen("order", "not-found", "ana", f"/pedidos/{UNKNOWN}", status=404),
    Screen("order", "acting", "suzana", "/c/{company}/pedidos/{O1}"),
    Screen("ask", "normal", "ana", "/pedidos/{O1}/perguntar"),
    Screen("own-number", "normal", "ana", "/pedidos/{O3}/numeros"),
    Screen("look-up", "running", "ana", "/pedidos?q=990077", acts=("look in the ERP",)),
    Screen("trouble", "acting", "suzana", "/c/{company}/pedidos/{O6}/lado-a-lado"),
    # --- documents ----------------------------------------------------------------------------
    Screen("documents", "normal", "bruno", "/documentos"),
    Screen("documents", "empty", "nina", "/documentos"),
    Screen("send-document", "normal", "bruno", f"{DOCUMENT}/enviar"),
    Screen("making", "normal", "ana", "/pedidos/{PAPERLESS}/documentos/{PAPERLESS.danfe}/preparo"),
    Screen("payment", "boleto", "bruno", "/pedidos/{O1}/documentos/{O1.boleto}/pagamento"),
    # --- finance ------------------------------------------------------------------------------
    Screen("finance", "normal", "bruno", "/financeiro"),
    Screen("finance", "overdue", "bruno", "/financeiro?state=overdue"),
    Screen("finance", "empty", "nina", "/financeiro"),
    Screen("finance", "stale", "bruno", "/financeiro", needs="erp down"),
    Screen("calendar", "normal", "bruno", "/financeiro/calendario"),
    # --- a person and a company -----------------------------------------------------------------
    Screen("account", "normal", "ana", "/conta"),
    Screen("second-factor", "normal", "ana", "/conta/segundo-fator", needs="factor asked for"),
    Screen("my-data", "normal", "ana", "/conta/meus-dados"),
    Screen("change-password", "normal", "ana", "/accounts/password/change/"),
    Screen("confirm", "normal", "ana", "/accounts/reauthenticate/"),
    Screen("log-out", "normal", "ana", "/accounts/logout/"),
    Screen("add-app", "normal", "ana", "/accounts/2fa/totp/activate/"),
    Screen("add-passkey", "normal", "ana", "/accounts/2fa/webauthn/add/"),
    Screen("people", "normal", "rita", "/empresa/pessoas"),
    Screen("person", "normal", "rita", "/empresa/pessoas/{person}"),
    Screen("remove-person", "normal", "rita", "/empresa/pessoas/{person}/remover"),
    Screen("import-people", "normal", "rita", "/empresa/pessoas/importar"),
    Screen("invitations", "normal", "rita", "/empresa/convites"),
    Screen("invite", "normal", "rita", "/empresa/convites/novo"),
    Screen("wishes", "normal", "rita", "/empresa/solicitacoes"),
    Screen("wish", "normal", "rita", "/empresa/solicitacoes/{wish}"),
    Screen("company-settings", "normal", "rita", "/empresa/ajustes"),
    Screen("access-record", "normal", "rita", "/empresa/acessos"),
    # --- the seller's people ------------------------------------------------------------------
    Screen("support", "normal", "suzana", "/atendimento"),
    Screen("support", "found", "suzana", "/atendimento?q=PO-2026%2F0815"),
    Screen("support", "not-found", "suzana", "/atendimento?q=999999"),
    Screen("act", "normal", "suzana", "/atendimento?q=PO-2026%2F0815", acts=("choose Alfa",)),
    Screen("questions", "normal", "suzana", "/atendimento/perguntas"),
    Screen("acting-orders", "normal", "suzana", "/c/{company}/pedidos"),
    Screen("acting-people", "normal", "suzana", "/c/{company}/atuacao"),
    Screen("acting-branches", "acting", "suzana", "/c/{company}/filiais"),
    Screen("acting-help", "acting", "suzana", "/c/{company}/ajuda"),
    Screen("acting-paste-many", "acting", "suzana", "/c/{company}/pedidos/lote"),
    Screen("acting-exports", "acting", "suzana", "/c/{company}/pedidos/exportacoes"),
    Screen("acting-items", "acting", "suzana", "/c/{company}/pedidos/{O1}/itens"),
    Screen("acting-documents", "acting", "suzana", "/c/{company}/pedidos/{O1}/documentos"),
    Screen("acting-history", "acting", "suzana", "/c/{company}/pedidos/{O1}/historico"),
    Screen("telesales", "normal", "teo", "/televendas"),
    Screen("portfolio", "normal", "teo", "/televendas/clientes"),
    Screen("customer", "normal", "teo", "/televendas/clientes/{company}"),
    # --- operations ---------------------------------------------------------------------------
    Screen("operations", "normal", "olga", "/operacao"),
    Screen("operations", "source-down", "olga", "/operacao", needs="erp down"),
    Screen("operations-connection", "normal", "olga", "/operacao/conexoes/erp"),
    Screen("operations-parked", "normal", "olga", "/operacao/retidos"),
    Screen("operations-statuses", "normal", "olga", "/operacao/situacoes"),
    Screen("operations-unassigned", "normal", "olga", "/operacao/sem-empresa"),
    Screen("operations-companies", "normal", "olga", "/operacao/empresas"),
    Screen("operations-company", "normal", "olga", "/operacao/empresas/{company}"),
    Screen("operations-conflicts", "normal", "olga", "/operacao/empresas/conflitos"),
    Screen("operations-changes", "normal", "olga", "/operacao/empresas/alteracoes"),
    Screen("operations-imports", "normal", "olga", "/operacao/empresas/importar"),
    Screen("operations-divergences", "normal", "olga", "/operacao/divergencias"),
    Screen("operations-sign-in", "normal", "olga", "/operacao/acesso"),
    Screen("operations-documents", "normal", "olga", "/operacao/documentos"),
    Screen("operations-incidents", "normal", "olga", "/operacao/recusas"),
    Screen("operations-runs", "normal", "olga", "/operacao/execucoes"),
    Screen("operations-staff", "normal", "olga", "/operacao/equipe"),
    Screen("operations-staff-person", "normal", "olga", "/operacao/equipe/{staff}"),
    Screen("operations-people-data", "normal", "olga", "/operacao/dados-pessoais"),
    Screen("operations-audit", "normal", "olga", "/operacao/auditoria"),
)

# Addresses that a browser may ask for and that show no page of their own, each by why.
NO_PAGE: dict[str, frozenset[str]] = {
    "answers programs": frozenset(
        {
            *("healthz", "readyz", "metrics", "robots.txt", ".well-known/security.txt"),
            *("api/v1/orders", "api/v1/orders/<uuid:public_id>", "api/v1/titles"),
            *("api/v1/orders/<uuid:order>/documents/<uuid:public_id>", "api/v1/sources"),
            *("calendario", "atendimento/tempo", "vtex/hook"),
            *("accounts/saml/<slug:slug>/metadata/", "sw.js", "marca/<str:digest>/<str:name>"),
        }
    ),
    "hands out a file": frozenset(
        {
            *("empresa/acessos/exportar", "empresa/pessoas/exportar", "financeiro/exportar"),
            *("empresa/pessoas/importar/modelo", "operacao/empresas/importar/modelo"),
            *("operacao/auditoria/exportar", "televendas/clientes/exportar"),
            "operacao/empresas/importar/<uuid:public_id>/csv",
            *("conta/meus-dados/<uuid:public_id>", "operacao/dados-pessoais/<uuid:public_id>"),
            "pedidos/<uuid:order>/documentos/<uuid:public_id>",
            "pedidos/<uuid:order>/documentos/<uuid:public_id>/ver",
            "pedidos/<uuid:public_id>/documentos/zip",
            "accounts/2fa/recovery-codes/download/",
            "documentos/pacotes/<uuid:public_id>/<int:number>",
            "pedidos/exportacoes/<uuid:public_id>",
        }
    ),
    "shown in place by another page": frozenset(
        {"pedidos/<uuid:public_id>/fontes", "paleta", "reconhecer", "pedidos/sugestoes"}
    ),
    "only in development": frozenset({"_galeria"}),
    "leads on to another page": frozenset(
        {
            *("", "accounts/2fa/", "accounts/2fa/authenticate/", "conta/confirmar"),
            *("accounts/password/set/", "accounts/login/code/confirm/"),
            *("accounts/2fa/reauthenticate/", "accounts/2fa/webauthn/reauthenticate/"),
            "accounts/2fa/webauthn/login/",
            *("accounts/oidc/<slug:slug>/login/", "accounts/oidc/<slug:slug>/login/callback/"),
            *("accounts/saml/<slug:slug>/login/", "accounts/saml/<slug:slug>/acs/finish/"),
        }
    ),
    # Reached by doing something first; the journeys look at these with axe.
    "needs what a journey does first": frozenset(
        {
            *("accounts/2fa/recovery-codes/", "accounts/2fa/recovery-codes/generate/"),
            *("accounts/2fa/totp/deactivate/", "accounts/shop-code/"),
            "accounts/2fa/webauthn/keys/<int:pk>/remove/",
            "empresa/pessoas/importar/<uuid:public_id>",
            "operacao/empresas/alteracoes/<uuid:public_id>",
            "operacao/empresas/importar/<uuid:public_id>",
            *("operacao/tarefas/<uuid:public_id>", "pedidos/<uuid:public_id>/pagamento"),
            "pedidos/procurar/<uuid:public_id>",
            "c/<uuid:company>/atuacao/motivo",
            *("atendimento/atuar", "parar-avisos"),
        }
    ),
}
