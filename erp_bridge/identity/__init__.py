"""How companies' own identity providers vouch for people: OpenID Connect and SAML 2.0."""
