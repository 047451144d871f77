// Calls the gateway with the npm package aliyun-api-gateway: node gateway_node.js URL KEY SECRET CODE
'use strict';
const { Client, SimpleClient } = require('aliyun-api-gateway');

const [url, key, secret, code] = process.argv.slice(2);

async function attempt(call) {
  try {
    return { answer: await call() };
  } catch (error) {
    return { status: error.code, headers: error.data && error.data.headers, message: error.message };
  }
}

async function main() {
  const client = new Client(key, secret);
  const headers = { 'x-own': 'mine', accept: 'application/json' };
  const seen = {
    get: await attempt(() => client.get(`${url}/things/a%20b`, { headers, query: { limit: '5', word: '张 三&=', empty: '', more: 'x' } })),
    signed: await attempt(() => client.get(`${url}/things/1`, { signHeaders: { 'X-Own': 'mine' } })),
    post: await attempt(() => client.post(`${url}/things`, { data: { name: '张三' }, headers: { 'x-own': 'mine' } })),
    wrong: await attempt(() => new Client(key, 'wrong').get(`${url}/things/1`)),
    stranger: await attempt(() => new Client('nobody', secret).get(`${url}/things/1`)),
    stage: await attempt(() => new Client(key, secret, 'TEST').get(`${url}/things/1`)),
    missing: await attempt(() => client.get(`${url}/nothing`)),
    code: await attempt(() => new SimpleClient(code).get(`${url}/things/1`)),
    wrongCode: await attempt(() => new SimpleClient('wrong').get(`${url}/things/1`)),
  };
  console.log(JSON.stringify(seen));
}

main();
