// What every TypeScript client does, whichever SDK it is made with.

import assert from 'node:assert/strict';

export const [mode, transport, target, ...targetArgs] = process.argv.slice(2);

const text = process.env.RINGWAY_ECHO_TEXT;

// What the client shows, as fields of its requests.
const lines = (process.env.RINGWAY_HEADER ?? '').split('\n').filter(line => line);
export const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
);
export const wantsOAuth = 'RINGWAY_OAUTH' in process.env;

// A user of OAuth who agrees at once: the SDK finds the authorization server, registers and
// asks for tokens; to remember, and to bring the browser's answer back, is an application's.
export class User {
    redirectUrl = 'http://127.0.0.1:1/callback';
    clientMetadata = {
        client_name: 'ringway-ci',
        redirect_uris: [this.redirectUrl],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
    };
    state = () => 'state-of-ringway-ci';
    clientInformation = () => this.client;
    saveClientInformation = client => void (this.client = client);
    tokens = () => this.held;
    saveTokens = tokens => void (this.held = tokens);
    codeVerifier = () => this.verifier;
    saveCodeVerifier = verifier => void (this.verifier = verifier);
    async redirectToAuthorization(page) {
        const answer = await fetch(page, { redirect: 'manual' });
        assert.equal(answer.status, 302);
        this.answer = new URL(answer.headers.get('location')).searchParams;
        assert.equal(this.answer.get('state'), this.state());
    }
}

// Connects once to be told whom to ask, and gives the transport that comes with the token.
export async function authorized(makeClient, makeTransport) {
    const user = new User();
    const transport = makeTransport(user);
    await assert.rejects(makeClient().connect(transport), { name: /Unauthorized|Error/ });
    assert(user.answer, 'nobody was sent to an authorization server');
    await transport.finishAuth(user.answer.get('code'));
    assert(user.held?.access_token, 'no token');
    return makeTransport(user);
}

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
