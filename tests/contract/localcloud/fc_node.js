// Calls Function Compute with the npm package @alicloud/fc2: node fc_node.js URL KEY SECRET
'use strict';
const FC = require('@alicloud/fc2');

const [url, key, secret] = process.argv.slice(2);

async function attempt(call) {
  try {
    const { headers, data } = await call();
    return { data, error: headers['x-fc-error-type'], requestId: headers['x-fc-request-id'] };
  } catch (error) {
    return { code: error.code, name: error.name, message: error.message };
  }
}

async function main() {
  const made = (accessKeySecret) => new FC('1234567890123456', { accessKeyID: key, accessKeySecret, region: 'cn-hangzhou', endpoint: url });
  const client = made(secret);
  const invoke = (body, headers = {}) => attempt(() => client.invokeFunction('s', 'app-echo', body, headers));
  const seen = {
    echo: await invoke('{"x":1}'),
    boom: await invoke('BOOM'),
    exit: await invoke('EXIT'),
    hang: await invoke('HANG'),
    greedy: await invoke('GREEDY'),
    after: await invoke('{}'),
    queued: await invoke('{}', { 'x-fc-invocation-type': 'Async' }),
    large: await invoke(Buffer.alloc(32 * 1024 * 1024 + 1)),
    largeQueued: await invoke(Buffer.alloc(128 * 1024 + 1), { 'x-fc-invocation-type': 'Async' }),
    kind: await invoke('{}', { 'x-fc-invocation-type': 'Later' }),
    stranger: await attempt(() => client.invokeFunction('s', 'no-such', '{}')),
    version: await attempt(() => client.invokeFunction('s', 'app-echo', '{}', {}, '7')),
    wrong: await attempt(() => made('wrong').getFunction('s', 'app-echo')),
    path: await attempt(() => client.getService('s')),
    shown: await attempt(() => client.getFunction('s', 'app-echo')),
    listed: await attempt(() => client.listFunctions('s', { limit: 1 })),
  };
  console.log(JSON.stringify(seen));
}

main();
