// oidc-provider as an OAuth 2.1 authorization server for MCP servers. Each setting follows docs/README.md of the package.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { errors } from 'oidc-provider';
import { memoryAdapter } from './memory.mjs';

const SHORT = 20; // so short that its end can be waited for
const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

// RFC 8707: what a token can be for. The last one shows the other token format that the package has.
const SCOPE = 'tools:read tools:write';
const RESOURCES = {
  'https://mcp.example/mcp': { scope: SCOPE, accessTokenFormat: 'jwt' },
  'https://other.example/mcp': { scope: SCOPE, accessTokenFormat: 'jwt' },
  'https://opaque.example/mcp': { scope: SCOPE, accessTokenFormat: 'opaque' },
};

const LOOPBACK = ['http://127.0.0.1/callback', 'http://localhost/callback'];
const CODE_FLOW = { application_type: 'native', redirect_uris: LOOPBACK, response_types: ['code'] };

function clients({ ledgerAgentSecret, resourceServerSecret, infraBotKey }) {
  return [
    {
      ...CODE_FLOW,
      client_id: 'console',
      client_name: 'Workshop Console',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    {
      ...CODE_FLOW,
      client_id: 'notebook',
      client_name: 'Notebook',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    {
      ...CODE_FLOW,
      client_id: 'ledger-agent',
      client_name: 'Ledger Agent',
      client_secret: ledgerAgentSecret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    },
    {
      client_id: 'infra-bot',
      client_name: 'InfraBot',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [publicJwk(infraBotKey)] },
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
    {
      client_id: 'resource-server',
      client_name: 'MCP server that introspects',
      client_secret: resourceServerSecret,
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: [],
      response_types: [],
      grant_types: [],
    },
  ];
}

function publicJwk({ kty, crv, x, y, kid }) {
  return { kty, crv, x, y, kid, use: 'sig', alg: 'ES256' };
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}

// The development login page takes any name, so every name is an account.
async function findAccount(_ctx, sub) {
  return { accountId: sub, claims: async () => ({ sub }) };
}

async function getResourceServerInfo(_ctx, resource) {
  if (!Object.hasOwn(RESOURCES, resource)) throw new errors.InvalidTarget();
  return { ...RESOURCES[resource], audience: resource };
}

// The package's default lets every confidential client look into every token; its documentation says to narrow it.
async function mayIntrospect(_ctx, client, token) {
  return client.clientId === 'resource-server' || client.clientId === token.clientId;
}

export function configuration(secrets) {
  return {
    adapter: memoryAdapter(),
    clients: clients(secrets),
    findAccount,
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    pkce: { required: () => true },
    responseTypes: ['code'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    rotateRefreshToken: true,
    ttl: {
      AccessToken: SHORT,
      AuthorizationCode: SHORT,
      ClientCredentials: 10 * MINUTE,
      Grant: DAY,
      IdToken: 5 * MINUTE,
      Interaction: 10 * MINUTE,
      RefreshToken: SHORT,
      Session: DAY,
    },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: mayIntrospect },
      resourceIndicators: { enabled: true, getResourceServerInfo },
    },
  };
}
