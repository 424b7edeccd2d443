// The server itself: one tool for every caller, one for those who may deploy.

import { McpServer, requireScopes } from '@modelcontextprotocol/server';
import * as z from 'zod';

export const READ = 'urn:infra:monitoring:read';
export const DEPLOY = 'urn:infra:deploy:create';

const text = (value) => ({ content: [{ type: 'text', text: value }] });

const deployments = [];

/** Returns a new server, as the SDK wants for each request. */
export function operations() {
  const server = new McpServer({ name: 'operations', version: '1.0.0' });
  server.registerTool('list_deployments', { description: 'Return the services that were deployed.' }, () =>
    text(deployments.join(' ')),
  );
  server.registerTool(
    'create_deployment',
    {
      description: 'Deploy a service.',
      inputSchema: z.object({ service: z.string() }),
      scopeChallenge: requireScopes(READ, DEPLOY),
    },
    ({ service }) => {
      deployments.push(service);
      return text(`${service} is being deployed`);
    },
  );
  return server;
}
