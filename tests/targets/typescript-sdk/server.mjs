// Runs an MCP server on the TypeScript SDK that trusts the access tokens of --issuer, signed with the keys at --jwks,
// on a loopback port (--port, a free one by default) until standard input closes. When ready it prints one JSON line.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import {
  createMcpExpressApp,
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
  requireBearerAuth,
} from '@modelcontextprotocol/express';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { DEPLOY, READ, operations } from './operations.mjs';
import { JwtVerifier } from './verifier.mjs';

const { values: options } = parseArgs({
  options: { issuer: { type: 'string' }, jwks: { type: 'string' }, port: { type: 'string', default: '0' } },
});

/** Fetches the authorization server's metadata: the well-known string stands before the path (RFC 8414 section 3.1). */
async function metadataOf(issuer) {
  const url = new URL(issuer);
  url.pathname = `/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`;
  return (await fetch(url)).json();
}

const server = createServer();
server.listen(Number(options.port), '127.0.0.1');
await once(server, 'listening');
const resource = new URL(`http://127.0.0.1:${server.address().port}/mcp`);

const authorize = requireBearerAuth({
  verifier: new JwtVerifier({ issuer: options.issuer, jwks: options.jwks, resource }),
  requiredScopes: [READ],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  expectedResource: resource,
});
const app = createMcpExpressApp();
app.use(
  mcpAuthMetadataRouter({
    oauthMetadata: await metadataOf(options.issuer),
    resourceServerUrl: resource,
    scopesSupported: [READ, DEPLOY],
    resourceName: 'Operations',
  }),
);
const handler = toNodeHandler(createMcpHandler(operations));
app.all('/mcp', authorize, (request, response) => handler(request, response, request.body));
server.on('request', app);

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ mcp_server: resource.href })}\n`);
