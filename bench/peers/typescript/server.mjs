// The TypeScript peer: an MCP server with one tool, `echo`, on the official SDK and plain `node:http`. It reads PORT,
// CPU_COUNT and BACKLOG, and listens on loopback until it is killed. Each era is served the way that is fastest for it.

import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const MODERN = '2026-07-28';

// Made once, though the SDK asks for a server at each modern request. A schema that is JSON already saves some 5 to 10 % of
// the SDK's time: it needs it as JSON for each server, and has to convert what is written with zod.
const tool = {
    description: 'Answers with the text it was given.',
    inputSchema: fromJsonSchema({ type: 'object', properties: { text: { type: 'string' } }, required: ['text'] }),
};
const echo = async ({ text }) => ({ content: [{ type: 'text', text }] });

function server() {
    const server = new McpServer({ name: 'echo', version: '1' });
    server.registerTool('echo', tool, echo);
    return server;
}

// By default it answers in one JSON body, as long as the tool sends nothing before its result.
const modern = toNodeHandler(createMcpHandler(server));

// A session keeps its server, where the modern era has no session to keep it by.
const transports = new Map();

async function legacy(request, response) {
    let transport = transports.get(request.headers['mcp-session-id']);
    if (!transport) {
        transport = new NodeStreamableHTTPServerTransport({
            sessionIdGenerator: randomUUID,
            // In place of a stream with one event.
            enableJsonResponse: true,
            onsessioninitialized: (id) => transports.set(id, transport),
            onsessionclosed: (id) => transports.delete(id),
        });
        await server().connect(transport);
    }
    await transport.handleRequest(request, response);
}

function serve() {
    const http = createServer((request, response) => {
        const era = request.headers['mcp-protocol-version'] === MODERN ? modern : legacy;
        return era(request, response);
    });
    // Never end a connection that is being measured: the default ends one that was idle for five seconds.
    http.keepAliveTimeout = 0;
    http.listen({ host: '127.0.0.1', port: Number(process.env.PORT), backlog: Number(process.env.BACKLOG) });
}

// Node runs JavaScript on one core. The first process hands connections to the others in turn, and they end with it. A
// legacy session is known to one of them alone.
const cpuCount = Number(process.env.CPU_COUNT);
if (cpuCount > 1 && cluster.isPrimary) {
    for (let index = 0; index < cpuCount; index += 1) cluster.fork();
} else {
    serve();
}
