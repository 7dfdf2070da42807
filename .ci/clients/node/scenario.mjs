// What every TypeScript client does, whichever SDK it is made with.

import assert from 'node:assert/strict';

export const [mode, transport, target, ...targetArgs] = process.argv.slice(2);

const text = process.env.RINGWAY_ECHO_TEXT;

export async function scenario(client, clientTransport, expectedVersion) {
    // The SDKs report trouble beside a request here, such as a GET that is
    // answered neither with a stream nor with 405.
    const troubles = [];
    client.onerror = error => troubles.push(error);

    await client.connect(clientTransport);
    // Without this check a failed probe would pass unseen: `auto` falls back.
    // SDK v1 has no such method, and only one era.
    if (client.getNegotiatedProtocolVersion) {
        assert.equal(client.getNegotiatedProtocolVersion(), expectedVersion);
    }

    const names = (await client.listTools()).tools.map(tool => tool.name);
    assert(names.includes('echo'), `no echo in ${names}`);

    await echo(client);
    if (names.includes('get_resource_usage')) {
        // The SDKs also hold the answer against the tool's output schema.
        const usage = await client.callTool({ name: 'get_resource_usage', arguments: {} });
        assert.equal(typeof usage.structuredContent, 'object', JSON.stringify(usage));
    }
    await unknownTool(client);
    await echo(client);
    assert.deepEqual(troubles, []);

    // A stdio server has two seconds to leave after its input has ended, then
    // the SDKs send it SIGTERM: a slow end is a server that ignored the end of
    // input. Over HTTP, a legacy session is ended with DELETE.
    const start = performance.now();
    await clientTransport.terminateSession?.();
    await client.close();
    const took = performance.now() - start;
    assert(took < 1900, `disconnecting took ${took} ms`);
}

async function echo(client) {
    const result = await client.callTool({ name: 'echo', arguments: { text } });
    assert(!result.isError, JSON.stringify(result));
    assert.deepEqual(
        result.content.map(block => block.text),
        [text],
    );
}

// An error of the protocol or of the tool will do, a broken connection not:
// the SDKs give those codes outside JSON-RPC's own range.
async function unknownTool(client) {
    try {
        const result = await client.callTool({ name: 'no_such_tool', arguments: {} });
        assert.equal(result.isError, true, JSON.stringify(result));
    } catch (error) {
        if (!(error.code >= -32700 && error.code <= -32600)) throw error;
    }
}
