// Usage: ts_v1.mjs legacy http|ws|sse URL | ts_v1.mjs legacy stdio COMMAND [ARG…]

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { authorized, headers, scenario, target, targetArgs, transport, wantsOAuth } from './scenario.mjs';

const overNetwork = {
    http: StreamableHTTPClientTransport,
    ws: WebSocketClientTransport,
    sse: SSEClientTransport,
};

const makeClient = () => new Client({ name: 'ringway-ci-ts-v1', version: '0' });

// The one for a WebSocket has no way to show anything, and ignores that it is asked to.
const makeTransport = authProvider =>
    transport === 'stdio'
        ? new StdioClientTransport({ command: target, args: targetArgs })
        : new overNetwork[transport](new URL(target), { requestInit: { headers }, authProvider });

await scenario(makeClient(), wantsOAuth ? await authorized(makeClient, makeTransport) : makeTransport());
