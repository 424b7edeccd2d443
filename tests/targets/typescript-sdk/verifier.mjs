// What the SDK leaves to its user: whether to believe a token. RFC 9068 section 4, with jose.

import { OAuthError, OAuthErrorCode } from '@modelcontextprotocol/server';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

export class JwtVerifier {
  #keys;
  #rules;
  #resource;

  constructor({ issuer, jwks, resource }) {
    this.#keys = createRemoteJWKSet(new URL(jwks));
    this.#resource = resource;
    this.#rules = {
      issuer,
      audience: resource.href,
      typ: 'at+jwt',
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'sub', 'client_id', 'iat', 'jti'],
    };
  }

  /** Returns what the token says; a token that is not to be believed is an OAuthError. */
  async verifyAccessToken(token) {
    try {
      const { payload } = await jwtVerify(token, this.#keys, this.#rules);
      return {
        token,
        clientId: payload.client_id,
        scopes: typeof payload.scope === 'string' ? payload.scope.split(' ') : [],
        expiresAt: payload.exp,
        resource: this.#resource,
      };
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new OAuthError(OAuthErrorCode.InvalidToken, error.code);
      throw error;
    }
  }
}
