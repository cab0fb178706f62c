"""B2B Orders: the portal where a buying company finds every order and its documents."""
