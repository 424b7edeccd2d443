// Runs oidc-provider on a loopback port (--port, a free one by default) until standard input closes.
// The secrets of its clients come from the environment. When ready it prints one JSON line with its issuer.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';
import { configuration } from './configuration.mjs';

function fromEnvironment(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set in the environment`);
  return value;
}

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const settings = configuration({
  ledgerAgentSecret: fromEnvironment('OIDC_PROVIDER_LEDGER_AGENT_SECRET'),
  resourceServerSecret: fromEnvironment('OIDC_PROVIDER_RESOURCE_SERVER_SECRET'),
  infraBotKey: JSON.parse(fromEnvironment('OIDC_PROVIDER_INFRA_BOT_KEY')),
});

const server = createServer();
server.listen(Number(options.port), '127.0.0.1');
await once(server, 'listening');

const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, settings);
server.on('request', provider.callback());

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
