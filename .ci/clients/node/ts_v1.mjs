// Usage: ts_v1.mjs legacy http URL | ts_v1.mjs legacy stdio COMMAND [ARG…]

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { scenario, target, targetArgs, transport } from './scenario.mjs';

await scenario(
    new Client({ name: 'ringway-ci-ts-v1', version: '0' }),
    transport === 'http'
        ? new StreamableHTTPClientTransport(new URL(target))
        : new StdioClientTransport({ command: target, args: targetArgs }),
);
