// An MCP server on the TypeScript SDK that believes the access tokens of one issuer.
import {
  createMcpExpressApp,
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
  requireBearerAuth,
} from '@modelcontextprotocol/express';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, OAuthError, OAuthErrorCode, createMcpHandler, requireScopes } from '@modelcontextprotocol/server';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as z from 'zod';

const ISSUER = 'http://127.0.0.1:7401/acme';
const JWKS = 'http://127.0.0.1:7401/acme/jwks';
const AUDIENCE = 'http://127.0.0.1:8000/mcp';
const METADATA = 'http://127.0.0.1:7401/.well-known/oauth-authorization-server/acme';

const resource = new URL(AUDIENCE);
const keys = createRemoteJWKSet(new URL(JWKS));

// The part that the SDK leaves to you: whether a token is to be believed.
async function verifyAccessToken(token) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'sub', 'client_id'],
    });
    const scopes = typeof payload.scope === 'string' ? payload.scope.split(' ') : [];
    return { token, clientId: String(payload.client_id), scopes, expiresAt: payload.exp, resource };
  } catch {
    throw new OAuthError(OAuthErrorCode.InvalidToken, 'The access token is not accepted');
  }
}

const deployments = [];
const text = (value) => ({ content: [{ type: 'text', text: value }] });

function deploymentsServer() {
  const server = new McpServer({ name: 'deployments', version: '1.0.0' });
  server.registerTool('list_deployments', { description: 'Return the services that were deployed.' }, () =>
    text(deployments.join(' ')),
  );
  server.registerTool(
    'create_deployment',
    {
      description: 'Deploy a service.',
      inputSchema: z.object({ service: z.string() }),
      scopeChallenge: requireScopes('deployments:read', 'deployments:write'),
    },
    ({ service }) => {
      deployments.push(service);
      return text(`${service} is being deployed`);
    },
  );
  return server;
}

const oauthMetadata = await (await fetch(METADATA)).json();
const authorize = requireBearerAuth({
  verifier: { verifyAccessToken },
  requiredScopes: ['deployments:read'],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  expectedResource: resource,
});
const handler = toNodeHandler(createMcpHandler(deploymentsServer));

const app = createMcpExpressApp();
app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: resource }));
app.all('/mcp', authorize, (request, response) => handler(request, response, request.body));
app.listen(8000, '127.0.0.1', () => console.log(`Serving ${AUDIENCE}`));
