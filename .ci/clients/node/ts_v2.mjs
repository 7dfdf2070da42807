// Usage: ts_v2.mjs MODE http URL | ts_v2.mjs MODE stdio COMMAND [ARG…]
// MODE is `legacy`, `auto` or the revision to pin.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { authorized, headers, mode, scenario, target, targetArgs, transport, wantsOAuth } from './scenario.mjs';

const pinned = mode !== 'legacy' && mode !== 'auto';

const makeClient = () =>
    new Client(
        { name: 'ringway-ci-ts-v2', version: '0' },
        { versionNegotiation: { mode: pinned ? { pin: mode } : mode } },
    );

const makeTransport = authProvider =>
    transport === 'http'
        ? new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers }, authProvider })
        : new StdioClientTransport({ command: target, args: targetArgs });

await scenario(
    makeClient(),
    wantsOAuth ? await authorized(makeClient, makeTransport) : makeTransport(),
    mode === 'legacy' ? '2025-11-25' : '2026-07-28',
);
