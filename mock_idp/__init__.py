"""The mock OpenID provider: one issuer per tenant, users of the world, and no passwords."""
