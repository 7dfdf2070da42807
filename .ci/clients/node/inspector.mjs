// Usage: inspector.mjs ERA http URL | inspector.mjs ERA stdio COMMAND [ARG…]
// ERA is `legacy`, `auto` or `modern`.
//
// The Inspector's CLI makes one call per run, so each step is a process and a
// connection of its own. Which era `auto` chose it does not tell; it is built on
// SDK v2, whose own client here checks that.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [era, transport, ...target] = process.argv.slice(2);
const text = process.env.RINGWAY_ECHO_TEXT;
const headers = (process.env.RINGWAY_HEADER ?? '').split('\n').filter(line => line);
const cli = fileURLToPath(
    new URL('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);

function inspect(...options) {
    // After `--`, options of the server's command are not taken for the Inspector's.
    const args = ['--cli', '--format', 'json', '--transport', transport, '--protocol-era', era];
    args.push(...headers.flatMap(line => ['--header', line]));
    const run = spawnSync(process.execPath, [cli, ...args, ...options, '--', ...target], { encoding: 'utf8' });
    process.stderr.write(run.stderr);
    return { status: run.status, output: run.stdout, errors: run.stderr };
}

function call(tool, args) {
    return inspect('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args));
}

function result({ status, output }) {
    assert.equal(status, 0, `status ${status}: ${output}`);
    return JSON.parse(output).result;
}

function echo() {
    const { content } = result(call('echo', { text }));
    assert.deepEqual(
        content.map(block => block.text),
        [text],
    );
}

const names = result(inspect('--method', 'tools/list')).tools.map(tool => tool.name);
assert(names.includes('echo'), `no echo in ${names}`);
echo();
if (names.includes('get_resource_usage')) {
    const usage = result(call('get_resource_usage', {}));
    assert.equal(typeof usage.structuredContent, 'object', JSON.stringify(usage));
}
// The CLI looks the name up in the list itself.
const unknown = call('no_such_tool', {});
assert(unknown.status !== 0 && unknown.errors.includes('tool_not_found'), unknown.output + unknown.errors);
echo();
