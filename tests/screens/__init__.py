"""Every page of the portal in every state: where it is and who sees it."""
